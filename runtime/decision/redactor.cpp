#include <re2/re2.h>

#include "runtime/decision/tables.h"
#include "runtime/value/pii.h"

namespace catalyst::decision {

namespace {

constexpr std::string_view kRedacted = "[redacted]";
constexpr int64_t kRegexBytesMax = 8 << 20;

bool check_holds(abi::Redaction::Check check, std::string_view text) {
  switch (check) {
    case abi::Redaction::Check::None:
      return true;
    case abi::Redaction::Check::Luhn:
      return value::luhn_holds(text);
    case abi::Redaction::Check::Iban:
      return value::iban_holds(text);
  }
  return true;
}

}  // namespace

struct Redactor::Impl {
  struct Pattern {
    std::unique_ptr<RE2> regex;
    abi::Redaction::Check check;
  };
  std::vector<Pattern> patterns;
};

Redactor::Redactor(const std::vector<abi::Redaction>& redactions) {
  auto impl = std::make_unique<Impl>();
  for (const abi::Redaction& redaction : redactions) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kRegexBytesMax);
    impl->patterns.push_back({std::make_unique<RE2>(redaction.pattern, options), redaction.check});
  }
  impl_ = std::move(impl);
}

Redactor::~Redactor() = default;

size_t Redactor::redact(uint32_t pattern, std::string& text) const {
  const Impl::Pattern& p = impl_->patterns[pattern];
  if (!p.regex->ok()) {
    // A pattern that cannot be compiled may hide anything: so does the whole text.
    text = kRedacted;
    return 1;
  }
  const re2::StringPiece input(text);
  re2::StringPiece match;
  std::string out;
  size_t count = 0;
  size_t copied = 0;
  size_t at = 0;
  while (at <= text.size() && p.regex->Match(input, at, text.size(), RE2::UNANCHORED, &match, 1)) {
    const size_t begin = static_cast<size_t>(match.data() - text.data());
    const size_t end = begin + match.size();
    if (match.empty() || !check_holds(p.check, {match.data(), match.size()})) {
      at = begin + 1;
      continue;
    }
    out.append(text, copied, begin - copied);
    out += kRedacted;
    copied = end;
    at = end;
    ++count;
  }
  if (count > 0) {
    out.append(text, copied, std::string::npos);
    text = std::move(out);
  }
  return count;
}

}  // namespace catalyst::decision
