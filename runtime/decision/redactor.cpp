#include <re2/re2.h>

#include <algorithm>
#include <cctype>

#include "runtime/decision/tables.h"

namespace catalyst::decision {

namespace {

constexpr std::string_view kRedacted = "[redacted]";
constexpr int64_t kRegexBytesMax = 8 << 20;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The digits of a card number sum, every second one doubled from the right, to a multiple of ten.
bool luhn_holds(std::string_view text) {
  int sum = 0;
  int count = 0;
  for (auto c = text.rbegin(); c != text.rend(); ++c) {
    if (!is_digit(*c)) {
      continue;
    }
    int digit = *c - '0';
    if (count++ % 2 == 1) {
      digit = digit > 4 ? digit * 2 - 9 : digit * 2;
    }
    sum += digit;
  }
  return count > 1 && sum % 10 == 0;
}

/// ISO 13616: the first four characters moved to the end, letters as 10 to 35, the number is 1 modulo 97.
bool iban_holds(std::string_view text) {
  std::string compact;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      compact += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
  }
  if (compact.size() < 5) {
    return false;
  }
  std::rotate(compact.begin(), compact.begin() + 4, compact.end());
  uint32_t rest = 0;
  for (const char c : compact) {
    rest = is_digit(c) ? (rest * 10 + static_cast<uint32_t>(c - '0')) % 97
                       : (rest * 100 + static_cast<uint32_t>(c - 'A' + 10)) % 97;
  }
  return rest == 1;
}

bool check_holds(abi::Redaction::Check check, std::string_view text) {
  switch (check) {
    case abi::Redaction::Check::None:
      return true;
    case abi::Redaction::Check::Luhn:
      return luhn_holds(text);
    case abi::Redaction::Check::Iban:
      return iban_holds(text);
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
