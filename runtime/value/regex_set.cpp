#include "runtime/value/regex_set.h"

#include <re2/re2.h>

#include "runtime/base/budget.h"
#include "runtime/base/check.h"

namespace catalyst::value {
namespace {

re2::RE2::Options options() {
  re2::RE2::Options o;
  o.set_log_errors(false);
  o.set_max_mem(RegexSet::kMaxMemoryBytes);
  return o;
}

}  // namespace

struct RegexSet::Impl {
  std::vector<std::unique_ptr<re2::RE2>> patterns;
};

namespace {

/// Steps of a Budget that compiling takes: for each instruction, and where it is refused we do not know for
/// how many.
constexpr uint64_t kInstructionSteps = 15;
constexpr uint64_t kRefusedSteps = 500'000;

/// `instructions` gets the size of a pattern that is good.
std::string problem_of(std::string_view pattern, size_t& instructions) {
  if (pattern.size() > RegexSet::kMaxPatternBytes) {
    return "longer than " + std::to_string(RegexSet::kMaxPatternBytes) + " bytes";
  }
  const re2::RE2 compiled(re2::StringPiece(pattern.data(), pattern.size()), options());
  instructions = compiled.ok() ? static_cast<size_t>(compiled.ProgramSize()) : 0;
  Budget::spend(compiled.ok() ? (instructions + 50) * kInstructionSteps : kRefusedSteps);
  return compiled.ok() ? std::string() : compiled.error();
}

}  // namespace

std::string RegexSet::problem(std::string_view pattern) {
  size_t instructions = 0;
  return problem_of(pattern, instructions);
}

std::string RegexAdmission::problem(const std::string& pattern) {
  const auto [found, fresh] = known_.try_emplace(pattern);
  if (!fresh) {
    return found->second;
  }
  size_t instructions = 0;
  found->second = problem_of(pattern, instructions);
  if (found->second.empty() && instructions_ + instructions > kInstructionsMax) {
    found->second = "with it, the patterns of the pack have more than " + std::to_string(kInstructionsMax) +
                    " instructions";
  } else {
    instructions_ += instructions;
  }
  return found->second;
}

RegexSet::RegexSet(const std::vector<std::string>& patterns) : impl_(std::make_unique<Impl>()) {
  for (const std::string& pattern : patterns) {
    impl_->patterns.push_back(std::make_unique<re2::RE2>(pattern, options()));
    CHECK(impl_->patterns.back()->ok(), "patterns are checked before they come here");
  }
}

RegexSet::~RegexSet() = default;
RegexSet::RegexSet(RegexSet&&) noexcept = default;
RegexSet& RegexSet::operator=(RegexSet&&) noexcept = default;

Status RegexSet::matches(const Scratch& scratch, uint32_t index, std::string_view text,
                         bool* out) const noexcept {
  const Status status = scratch.charge_scan(text.size());
  if (status == Status::Ok) {
    *out = re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *impl_->patterns[index]);
  }
  return status;
}

const re2::RE2& RegexSet::at(uint32_t index) const { return *impl_->patterns[index]; }

}  // namespace catalyst::value
