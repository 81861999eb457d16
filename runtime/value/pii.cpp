#include "runtime/value/pii.h"

#include <algorithm>

namespace catalyst::value {
namespace {

constexpr PiiKind kKinds[] = {
#define PII(name, text, check, pattern) {text, PiiCheck::check, pattern},
#include "runtime/value/pii.def"
#undef PII
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// 10 to 35 of a letter, the digit of a digit, -1 of anything between them.
int iban_value(char c) {
  if (is_digit(c)) {
    return c - '0';
  }
  return c >= 'A' && c <= 'Z' ? c - 'A' + 10 : c >= 'a' && c <= 'z' ? c - 'a' + 10 : -1;
}

}  // namespace

std::span<const PiiKind> pii_kinds() { return kKinds; }

bool luhn_holds(std::string_view text) noexcept {
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
    sum = (sum + digit) % 10;
  }
  return count > 1 && sum == 0;
}

bool iban_holds(std::string_view text) noexcept {
  const auto count = std::count_if(text.begin(), text.end(), [](char c) { return iban_value(c) >= 0; });
  if (count < 5) {
    return false;
  }
  uint32_t rest = 0;
  for (const bool behind : {true, false}) {  // the characters behind the fourth come first
    int seen = 0;
    for (const char c : text) {
      const int value = iban_value(c);
      if (value < 0 || (seen++ >= 4) != behind) {
        continue;
      }
      rest = (rest * (value < 10 ? 10 : 100) + static_cast<uint32_t>(value)) % 97;
    }
  }
  return rest == 1;
}

bool pii_check_holds(PiiCheck check, std::string_view match) noexcept {
  switch (check) {
    case PiiCheck::None:
      return true;
    case PiiCheck::Luhn:
      return luhn_holds(match);
    case PiiCheck::Iban:
      return iban_holds(match);
  }
  return true;
}

}  // namespace catalyst::value
