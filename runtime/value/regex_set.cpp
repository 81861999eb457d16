#include "runtime/value/regex_set.h"

#include <re2/re2.h>

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

std::string RegexSet::problem(std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes) {
    return "longer than " + std::to_string(kMaxPatternBytes) + " bytes";
  }
  const re2::RE2 compiled(re2::StringPiece(pattern.data(), pattern.size()), options());
  return compiled.ok() ? std::string() : compiled.error();
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
