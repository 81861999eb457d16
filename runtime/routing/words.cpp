#include "runtime/routing/words.h"

namespace catalyst::routing {
namespace {

constexpr std::string_view kOutcomes[] = {
#define OUTCOME(name, text) text,
#include "runtime/routing/outcome.def"
#undef OUTCOME
};
constexpr std::string_view kReasons[] = {
#define REASON(name, text) text,
#include "runtime/routing/reason.def"
#undef REASON
};
constexpr std::string_view kStandings[] = {
#define STANDING(name, text) text,
#include "runtime/routing/standing.def"
#undef STANDING
};
constexpr std::string_view kBreakers[] = {"closed", "open", "half_open"};
static_assert(sizeof kOutcomes / sizeof *kOutcomes == kOutcomeCount);

}  // namespace

std::string_view text_of(Outcome outcome) { return kOutcomes[static_cast<size_t>(outcome)]; }
std::string_view text_of(Reason reason) { return kReasons[static_cast<size_t>(reason)]; }
std::string_view text_of(Standing standing) { return kStandings[static_cast<size_t>(standing)]; }
std::string_view text_of(BreakerState state) { return kBreakers[static_cast<size_t>(state)]; }

}  // namespace catalyst::routing
