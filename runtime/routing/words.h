#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace catalyst::routing {

enum class Outcome : uint8_t {
#define OUTCOME(name, text) name,
#include "runtime/routing/outcome.def"
#undef OUTCOME
};
enum class Reason : uint8_t {
#define REASON(name, text) name,
#include "runtime/routing/reason.def"
#undef REASON
};
enum class Standing : uint8_t {
#define STANDING(name, text) name,
#include "runtime/routing/standing.def"
#undef STANDING
};
enum class BreakerState : uint8_t { Closed, Open, HalfOpen };

inline constexpr size_t kOutcomeCount = 7;

std::string_view text_of(Outcome outcome);
std::string_view text_of(Reason reason);
std::string_view text_of(Standing standing);
std::string_view text_of(BreakerState state);

}  // namespace catalyst::routing
