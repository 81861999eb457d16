#include "runtime/value/decimal.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "runtime/value/wide.h"

namespace catalyst::value::decimal {
namespace {

using Wide = __int128;
constexpr Wide kWideMax = static_cast<Wide>(~UWide{0} >> 1);

Value normalise(Wide coefficient, int scale) noexcept {
  while (scale > 0 && coefficient % 10 == 0) {
    coefficient /= 10;
    scale--;
  }
  return Value::of_decimal(coefficient, static_cast<uint8_t>(scale));
}

int sign(Wide x) noexcept { return x < 0 ? -1 : (x > 0 ? 1 : 0); }

UWide magnitude(Wide x) noexcept { return x < 0 ? -static_cast<UWide>(x) : static_cast<UWide>(x); }

/// A magnitude and the sign in front of it.
struct Signed {
  Wide256 magnitude;
  bool negative = false;
};

Signed at_scale(const Value& v, int scale) noexcept {
  Signed out{{magnitude(v.coefficient()), 0}, v.coefficient() < 0};
  for (int s = v.scale; s < scale; s++) {
    out.magnitude = out.magnitude.times_ten();
  }
  return out;
}

Signed sum(const Signed& a, const Signed& b) noexcept {
  if (a.negative == b.negative) {
    return {a.magnitude.plus(b.magnitude), a.negative};
  }
  return a.magnitude >= b.magnitude ? Signed{a.magnitude.minus(b.magnitude), a.negative}
                                    : Signed{b.magnitude.minus(a.magnitude), b.negative};
}

Status signed_result(UWide m, bool negative, int scale, Value* out) noexcept {
  if (m > static_cast<UWide>(kWideMax)) {
    return Status::Overflow;
  }
  *out = normalise(negative ? -static_cast<Wide>(m) : static_cast<Wide>(m), scale);
  return Status::Ok;
}

/// The value itself when 128 bits and kMaxScale hold it, without its trailing zeros if need be.
Status exact_result(Signed x, int scale, Value* out) noexcept {
  const auto fits = [&] { return x.magnitude.high == 0 && x.magnitude.low <= static_cast<UWide>(kWideMax); };
  while (scale > 0 && (scale > kMaxScale || !fits())) {
    uint32_t digit = 0;
    const Wide256 shorter = x.magnitude.over_ten(&digit);
    if (digit != 0) {
      return Status::Overflow;
    }
    x.magnitude = shorter;
    scale--;
  }
  return fits() ? signed_result(x.magnitude.low, x.negative, scale, out) : Status::Overflow;
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
  const int sa = sign(a.coefficient());
  const int sb = sign(b.coefficient());
  if (sa != sb || sa == 0) {
    return sa <=> sb;
  }
  if (a.scale == b.scale) {
    return a.coefficient() <=> b.coefficient();
  }
  const int scale = std::max(a.scale, b.scale);
  const auto order = at_scale(a, scale).magnitude <=> at_scale(b, scale).magnitude;
  return sa > 0 ? order : 0 <=> order;
}

Status add(const Value& a, const Value& b, Value* out) noexcept {
  Wide x = a.coefficient();
  if (a.scale == b.scale && !__builtin_add_overflow(x, b.coefficient(), &x) &&
      magnitude(x) <= static_cast<UWide>(kWideMax)) {
    *out = normalise(x, a.scale);
    return Status::Ok;
  }
  const int scale = std::max(a.scale, b.scale);
  return exact_result(sum(at_scale(a, scale), at_scale(b, scale)), scale, out);
}

/// Coefficients are symmetric (signed_result keeps -2^127 out), so this always fits.
Status negate(const Value& a, Value* out) noexcept {
  *out = Value::of_decimal(-a.coefficient(), a.scale);
  return Status::Ok;
}

Status subtract(const Value& a, const Value& b, Value* out) noexcept {
  return add(a, Value::of_decimal(-b.coefficient(), b.scale), out);
}

Status multiply(const Value& a, const Value& b, Value* out) noexcept {
  const Wide256 product = Wide256::product(magnitude(a.coefficient()), magnitude(b.coefficient()));
  return exact_result({product, (a.coefficient() < 0) != (b.coefficient() < 0)}, a.scale + b.scale, out);
}

namespace {

/// Long division, digit by digit: what remains is below the divisor, which has 127 bits, so twice that fits.
struct LongDivision {
  UWide quotient;
  UWide rest;
  UWide divisor;

  /// The digit behind the point that comes next. 10 is 1010 in binary: double, double, add, double.
  uint32_t next_digit() {
    UWide x = rest;
    uint32_t digit = 0;
    const auto reduce = [&] {
      digit *= 2;
      x *= 2;
      if (x >= divisor) {
        x -= divisor;
        digit++;
      }
    };
    reduce();
    reduce();
    x += rest;
    if (x >= divisor) {
      x -= divisor;
      digit++;
    }
    reduce();
    rest = x;
    return digit;
  }
};

}  // namespace

Status divide(const Value& a, const Value& b, Value* out) noexcept {
  if (b.coefficient() == 0) {
    return Status::DivisionByZero;
  }
  constexpr auto kMax = static_cast<UWide>(kWideMax);
  const UWide divisor = magnitude(b.coefficient());
  const UWide dividend = magnitude(a.coefficient());
  LongDivision division{dividend / divisor, dividend % divisor, divisor};
  const bool negative = (a.coefficient() < 0) != (b.coefficient() < 0);
  int scale = a.scale - b.scale;
  while (scale < kMaxScale && (division.rest != 0 || scale < 0)) {
    LongDivision further = division;
    const uint32_t digit = further.next_digit();
    if (division.quotient > (kMax - digit) / 10) {
      break;
    }
    further.quotient = division.quotient * 10 + digit;
    division = further;
    scale++;
  }
  if (scale < 0) {
    return Status::Overflow;
  }
  const UWide other = divisor - division.rest;
  const bool up = division.rest > other || (division.rest == other && division.quotient % 2 == 1);
  if (!up || division.quotient < kMax) {
    return signed_result(division.quotient + (up ? 1 : 0), negative, scale, out);
  }
  // The largest coefficient ends in 7: with one digit less the quotient rounds up for good.
  return scale == 0 ? Status::Overflow : signed_result(kMax / 10 + 1, negative, scale - 1, out);
}

Status remainder(const Value& a, const Value& b, Value* out) noexcept {
  if (b.coefficient() == 0) {
    return Status::DivisionByZero;
  }
  const int scale = std::max(a.scale, b.scale);
  const Signed x = at_scale(a, scale);
  const Signed y = at_scale(b, scale);
  if (x.magnitude < y.magnitude) {
    *out = a;
    return Status::Ok;
  }
  // Not smaller means that the divisor did not grow beyond the dividend: either it is as it was, or the
  // dividend is, and both have 127 bits.
  return exact_result({{x.magnitude.modulo(y.magnitude.low), 0}, x.negative}, scale, out);
}

namespace {

bool rounds_away(UWide quotient, UWide rest, UWide divisor, bool negative, Rounding rounding) noexcept {
  const UWide other = divisor - rest;
  switch (rounding) {
    case Rounding::HalfEven:
      return rest > other || (rest == other && quotient % 2 == 1);
    case Rounding::HalfUp:
      return rest >= other;
    case Rounding::HalfDown:
      return rest > other;
    case Rounding::Up:
      return rest != 0;
    case Rounding::Down:
      return false;
    case Rounding::Ceiling:
      return rest != 0 && !negative;
    case Rounding::Floor:
      return rest != 0 && negative;
  }
  return false;
}

}  // namespace

Status round(const Value& a, int64_t digits, Rounding rounding, Value* out) noexcept {
  if (digits < 0 || digits > kMaxScale) {
    return Status::OutOfRange;
  }
  if (a.scale <= digits) {
    *out = a;
    return Status::Ok;
  }
  UWide divisor = 1;
  for (int s = a.scale; s > digits; s--) {
    divisor *= 10;
  }
  const UWide m = magnitude(a.coefficient());
  const bool negative = a.coefficient() < 0;
  const bool away = rounds_away(m / divisor, m % divisor, divisor, negative, rounding);
  return signed_result(m / divisor + (away ? 1 : 0), negative, static_cast<int>(digits), out);
}

Status power(const Value& base, int64_t exponent, Value* out) noexcept {
  Value result = Value::of_decimal(1, 0);
  Value square = base;
  // Only powers of -1, 0 and 1 can be large ones; the others overflow after a few rounds.
  for (uint64_t n = exponent < 0 ? -static_cast<uint64_t>(exponent) : static_cast<uint64_t>(exponent);
       n > 0;) {
    if ((n & 1) != 0) {
      if (const Status status = multiply(result, square, &result); status != Status::Ok) {
        return status;
      }
    }
    n >>= 1;
    if (n > 0) {
      if (const Status status = multiply(square, square, &square); status != Status::Ok) {
        return status;
      }
    }
  }
  if (exponent >= 0) {
    *out = result;
    return Status::Ok;
  }
  return divide(Value::of_decimal(1, 0), result, out);
}

namespace {

Status integral(const Value& a, Rounding rounding, Value* out) noexcept {
  Value whole;
  if (const Status status = round(a, 0, rounding, &whole); status != Status::Ok) {
    return status;
  }
  const Wide x = whole.coefficient();
  if (x > INT64_MAX || x < INT64_MIN) {
    return Status::Overflow;
  }
  *out = Value::of_int(static_cast<int64_t>(x));
  return Status::Ok;
}

}  // namespace

Status floor(const Value& a, Value* out) noexcept { return integral(a, Rounding::Floor, out); }
Status ceil(const Value& a, Value* out) noexcept { return integral(a, Rounding::Ceiling, out); }

}  // namespace catalyst::value::decimal
