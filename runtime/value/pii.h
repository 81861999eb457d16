#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace catalyst::value {

/// What must hold of a match beside its shape.
enum class PiiCheck : uint8_t { None, Luhn, Iban };

struct PiiKind {
  std::string_view name;  // "pii.email"
  PiiCheck check;
  std::string_view pattern;  // RE2
};

enum class Pii : uint8_t {
#define PII(name, text, check, pattern) name,
#include "runtime/value/pii.def"
#undef PII
};
/// Indexed by Pii.
std::span<const PiiKind> pii_kinds();

bool pii_check_holds(PiiCheck check, std::string_view match) noexcept;
/// The digits of a card number sum, every second one doubled from the right, to a multiple of ten.
bool luhn_holds(std::string_view text) noexcept;
/// ISO 13616: the first four characters moved to the end, letters as 10 to 35, the number is 1 modulo 97.
bool iban_holds(std::string_view text) noexcept;

}  // namespace catalyst::value
