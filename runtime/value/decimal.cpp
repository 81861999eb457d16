#include "runtime/value/decimal.h"

#include <cmath>
#include <cstdlib>

namespace catalyst::value::decimal {
namespace {

using Wide = __int128;
using UWide = unsigned __int128;

constexpr Wide kWideMax = static_cast<Wide>(~UWide{0} >> 1);

Value normalise(Wide coefficient, int scale) noexcept {
  while (scale > 0 && coefficient % 10 == 0) {
    coefficient /= 10;
    scale--;
  }
  return Value::of_decimal(coefficient, static_cast<uint8_t>(scale));
}

bool times_ten(Wide* x) noexcept { return !__builtin_mul_overflow(*x, Wide{10}, x); }

/// Both coefficients at the larger scale; false when one overflows.
bool align(const Value& a, const Value& b, Wide* x, Wide* y, int* scale) noexcept {
  *x = a.coefficient();
  *y = b.coefficient();
  int sa = a.scale;
  int sb = b.scale;
  while (sa < sb) {
    if (!times_ten(x)) {
      return false;
    }
    sa++;
  }
  while (sb < sa) {
    if (!times_ten(y)) {
      return false;
    }
    sb++;
  }
  *scale = sa;
  return true;
}

int sign(Wide x) noexcept { return x < 0 ? -1 : (x > 0 ? 1 : 0); }

UWide magnitude(Wide x) noexcept { return x < 0 ? -static_cast<UWide>(x) : static_cast<UWide>(x); }

/// Quotient of magnitudes, rounded half to even.
UWide divide_rounded(UWide dividend, UWide divisor) noexcept {
  UWide quotient = dividend / divisor;
  const UWide rest = dividend % divisor;
  const UWide other = divisor - rest;
  if (rest > other || (rest == other && quotient % 2 == 1)) {
    quotient++;
  }
  return quotient;
}

Status signed_result(UWide m, bool negative, int scale, Value* out) noexcept {
  if (m > static_cast<UWide>(kWideMax)) {
    return Status::Overflow;
  }
  *out = normalise(negative ? -static_cast<Wide>(m) : static_cast<Wide>(m), scale);
  return Status::Ok;
}

}  // namespace

Status parse(std::string_view text, Value* out) noexcept {
  size_t i = 0;
  const bool negative = i < text.size() && text[i] == '-';
  i += negative ? 1 : 0;
  UWide m = 0;
  int scale = 0;
  bool digits = false;
  bool point = false;
  int64_t dropped_zeros = 0;  // trailing zeros of the fraction that were not needed yet
  const auto push = [&](unsigned digit) {
    return !__builtin_mul_overflow(m, UWide{10}, &m) && !__builtin_add_overflow(m, UWide{digit}, &m);
  };
  for (; i < text.size() && ((text[i] >= '0' && text[i] <= '9') || (text[i] == '.' && !point)); i++) {
    if (text[i] == '.') {
      point = true;
      continue;
    }
    digits = true;
    if (point && text[i] == '0') {
      dropped_zeros++;
      continue;
    }
    for (; point && dropped_zeros > 0; dropped_zeros--, scale++) {
      if (!push(0)) {
        return Status::Overflow;
      }
    }
    if (!push(static_cast<unsigned>(text[i] - '0'))) {
      return Status::Overflow;
    }
    scale += point ? 1 : 0;
    if (scale > 10'000) {
      return Status::Overflow;
    }
  }
  if (!digits) {
    return Status::BadType;
  }
  int64_t exponent = 0;
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    i++;
    const bool minus = i < text.size() && text[i] == '-';
    i += i < text.size() && (text[i] == '-' || text[i] == '+') ? 1 : 0;
    if (i == text.size()) {
      return Status::BadType;
    }
    for (; i < text.size() && text[i] >= '0' && text[i] <= '9'; i++) {
      exponent = exponent > 100'000 ? exponent : exponent * 10 + (text[i] - '0');
    }
    exponent = minus ? -exponent : exponent;
  }
  if (i != text.size()) {
    return Status::BadType;
  }
  if (m == 0) {
    *out = Value::of_decimal(0, 0);
    return Status::Ok;
  }
  int64_t final_scale = scale - exponent;
  for (; final_scale < 0; final_scale++) {
    if (__builtin_mul_overflow(m, UWide{10}, &m)) {
      return Status::Overflow;
    }
  }
  while (final_scale > 0 && m % 10 == 0) {
    m /= 10;
    final_scale--;
  }
  if (final_scale > kMaxScale) {
    return Status::Overflow;
  }
  return signed_result(m, negative, static_cast<int>(final_scale), out);
}

Value from_int(int64_t x) noexcept { return Value::of_decimal(x, 0); }

double to_double(const Value& x) noexcept {
  std::string text;
  append_text(text, x);
  return std::strtod(text.c_str(), nullptr);
}

void append_text(std::string& out, const Value& x) {
  const Wide c = x.coefficient();
  UWide m = magnitude(c);
  char digits[48];
  int n = 0;
  do {
    digits[n++] = static_cast<char>('0' + static_cast<int>(m % 10));
    m /= 10;
  } while (m != 0);
  while (n <= x.scale) {
    digits[n++] = '0';
  }
  if (c < 0) {
    out.push_back('-');
  }
  for (int i = n - 1; i >= 0; i--) {
    out.push_back(digits[i]);
    if (i == x.scale && i != 0) {
      out.push_back('.');
    }
  }
}

std::strong_ordering compare(const Value& a, const Value& b) noexcept {
  Wide x;
  Wide y;
  int scale;
  if (align(a, b, &x, &y, &scale)) {
    return x <=> y;
  }
  const int sa = sign(a.coefficient());
  const int sb = sign(b.coefficient());
  if (sa != sb) {
    return sa <=> sb;
  }
  // Aligning overflowed: the side with fewer digits behind the point is beyond 128 bits at the other's scale,
  // so it is the larger one.
  const bool a_larger = a.scale < b.scale;
  return (a_larger == (sa > 0)) ? std::strong_ordering::greater : std::strong_ordering::less;
}

Status add(const Value& a, const Value& b, Value* out) noexcept {
  Wide x;
  Wide y;
  int scale;
  if (!align(a, b, &x, &y, &scale) || __builtin_add_overflow(x, y, &x)) {
    return Status::Overflow;
  }
  *out = normalise(x, scale);
  return Status::Ok;
}

Status negate(const Value& a, Value* out) noexcept {
  Wide x;
  if (__builtin_sub_overflow(Wide{0}, a.coefficient(), &x)) {
    return Status::Overflow;
  }
  *out = Value::of_decimal(x, a.scale);
  return Status::Ok;
}

Status subtract(const Value& a, const Value& b, Value* out) noexcept {
  Wide x;
  Wide y;
  int scale;
  if (!align(a, b, &x, &y, &scale) || __builtin_sub_overflow(x, y, &x)) {
    return Status::Overflow;
  }
  *out = normalise(x, scale);
  return Status::Ok;
}

Status multiply(const Value& a, const Value& b, Value* out) noexcept {
  Wide x = a.coefficient();
  if (__builtin_mul_overflow(x, b.coefficient(), &x)) {
    return Status::Overflow;
  }
  const Value product = normalise(x, 0);
  int scale = a.scale + b.scale;
  x = product.coefficient();
  while (scale > 0 && x % 10 == 0) {
    x /= 10;
    scale--;
  }
  if (scale > kMaxScale) {
    return Status::Overflow;
  }
  *out = Value::of_decimal(x, static_cast<uint8_t>(scale));
  return Status::Ok;
}

Status divide(const Value& a, const Value& b, Value* out) noexcept {
  const Wide divisor = b.coefficient();
  if (divisor == 0) {
    return Status::DivisionByZero;
  }
  UWide m = magnitude(a.coefficient());
  int scale = a.scale - b.scale;
  UWide scaled;
  while (scale < kMaxScale && !__builtin_mul_overflow(m, UWide{10}, &scaled)) {
    m = scaled;
    scale++;
  }
  UWide quotient = divide_rounded(m, magnitude(divisor));
  for (; scale < 0; scale++) {
    if (__builtin_mul_overflow(quotient, UWide{10}, &quotient)) {
      return Status::Overflow;
    }
  }
  return signed_result(quotient, (a.coefficient() < 0) != (divisor < 0), scale, out);
}

Status remainder(const Value& a, const Value& b, Value* out) noexcept {
  if (b.coefficient() == 0) {
    return Status::DivisionByZero;
  }
  Wide x;
  Wide y;
  int scale;
  if (!align(a, b, &x, &y, &scale)) {
    return Status::Overflow;
  }
  *out = normalise(y == -1 ? 0 : x % y, scale);
  return Status::Ok;
}

Status round(const Value& a, int64_t digits, Value* out) noexcept {
  if (digits < 0 || digits > kMaxScale) {
    return Status::OutOfRange;
  }
  UWide divisor = 1;
  for (int s = a.scale; s > digits; s--) {
    divisor *= 10;
  }
  const int scale = a.scale > digits ? static_cast<int>(digits) : a.scale;
  return signed_result(divide_rounded(magnitude(a.coefficient()), divisor), a.coefficient() < 0, scale, out);
}

namespace {

Status integral(const Value& a, bool up, Value* out) noexcept {
  Wide x = a.coefficient();
  Wide divisor = 1;
  for (int s = a.scale; s > 0; s--) {
    divisor *= 10;
  }
  Wide quotient = x / divisor;
  const Wide rest = x % divisor;
  quotient += up ? (rest > 0 ? 1 : 0) : (rest < 0 ? -1 : 0);
  if (quotient > INT64_MAX || quotient < INT64_MIN) {
    return Status::Overflow;
  }
  *out = Value::of_int(static_cast<int64_t>(quotient));
  return Status::Ok;
}

}  // namespace

Status floor(const Value& a, Value* out) noexcept { return integral(a, false, out); }
Status ceil(const Value& a, Value* out) noexcept { return integral(a, true, out); }

}  // namespace catalyst::value::decimal
