#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "runtime/value/value.h"

// Exact decimal numbers: a 128-bit coefficient and 0 to 28 digits behind the point, kept without trailing
// zeros, so equal numbers have equal representations. Results that do not fit are Overflow; nothing is
// rounded but division.

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
/// Rounded half to even at 28 digits behind the point (fewer when the quotient is large).
Status divide(const Value& a, const Value& b, Value* out) noexcept;
/// Sign of the left side.
Status remainder(const Value& a, const Value& b, Value* out) noexcept;
Status negate(const Value& a, Value* out) noexcept;
/// Rounded half to even at `digits` (0..28) behind the point.
Status round(const Value& a, int64_t digits, Value* out) noexcept;
/// Largest integral value not above, smallest not below; Overflow when it does not fit an int.
Status floor(const Value& a, Value* out) noexcept;
Status ceil(const Value& a, Value* out) noexcept;

}  // namespace catalyst::value::decimal
