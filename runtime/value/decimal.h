#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/value/value.h"

// Exact decimal numbers: a coefficient of at most 2^127 - 1 in magnitude and 0 to 28 digits behind the point,
// kept without trailing zeros, so equal numbers have equal representations. What comes on the way may be
// wider (wide.h): a result is Overflow only if it does not fit itself. Nothing is rounded but division.

namespace catalyst::value::decimal {

inline constexpr int kMaxScale = 28;

/// JSON number syntax. BadType when it is not a number, Overflow when it does not fit exactly.
Status parse(std::string_view text, Value* out) noexcept;
Value from_int(int64_t x) noexcept;
double to_double(const Value& x) noexcept;
void append_text(std::string& out, const Value& x);

std::strong_ordering compare(const Value& a, const Value& b) noexcept;
Status add(const Value& a, const Value& b, Value* out) noexcept;
Status subtract(const Value& a, const Value& b, Value* out) noexcept;
Status multiply(const Value& a, const Value& b, Value* out) noexcept;
/// Rounded half to even at 28 digits behind the point, or as many as the coefficient has room for.
Status divide(const Value& a, const Value& b, Value* out) noexcept;
/// Sign of the left side.
Status remainder(const Value& a, const Value& b, Value* out) noexcept;
Status negate(const Value& a, Value* out) noexcept;
/// Where a digit goes that is cut off.
enum class Rounding : uint8_t { HalfEven, HalfUp, HalfDown, Up, Down, Ceiling, Floor };
/// Rounded at `digits` (0..28) behind the point. Half: to the nearer side, a tie to the even digit, away from
/// zero (Up) or towards it (Down). Up is away from zero, Down towards it.
Status round(const Value& a, int64_t digits, Rounding rounding, Value* out) noexcept;
inline Status round(const Value& a, int64_t digits, Value* out) noexcept {
  return round(a, digits, Rounding::HalfEven, out);
}
/// `base` to the power of `exponent`, exact; of a negative exponent the quotient of 1 and the power.
Status power(const Value& base, int64_t exponent, Value* out) noexcept;
/// Largest integral value not above, smallest not below; Overflow when it does not fit an int.
Status floor(const Value& a, Value* out) noexcept;
Status ceil(const Value& a, Value* out) noexcept;

}  // namespace catalyst::value::decimal
