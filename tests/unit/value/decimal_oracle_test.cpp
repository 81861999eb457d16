// Decimals against integers of any size: every operation answers the exact result when a decimal can hold it,
// and Overflow when not; division answers the nearest one. DECIMAL_SEED and DECIMAL_CASES choose other
// numbers.

#include <gtest/gtest.h>

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdlib>
#include <optional>
#include <random>

#include "runtime/value/decimal.h"

namespace catalyst::value {
namespace {

using Big = boost::multiprecision::cpp_int;

const Big kMax = (Big(1) << 127) - 1;

struct Exact {
  Big coefficient;
  int scale;
};

Big power_of_ten(int n) { return boost::multiprecision::pow(Big(10), static_cast<unsigned>(n)); }

Big to_big(__int128 x) {
  const bool negative = x < 0;
  const unsigned __int128 m =
      negative ? -static_cast<unsigned __int128>(x) : static_cast<unsigned __int128>(x);
  Big out = (Big(static_cast<uint64_t>(m >> 64)) << 64) + static_cast<uint64_t>(m);
  return negative ? Big(-out) : out;
}

Exact exact(const Value& v) { return {to_big(v.coefficient()), v.scale}; }

/// What a decimal makes of it: without trailing zeros; nothing when it does not fit.
std::optional<Exact> held(Exact x) {
  while (x.scale > 0 && x.coefficient % 10 == 0) {
    x.coefficient /= 10;
    x.scale--;
  }
  const bool fits = abs(x.coefficient) <= kMax && x.scale <= decimal::kMaxScale;
  return fits ? std::optional(x) : std::nullopt;
}

std::pair<Big, Big> aligned(const Exact& a, const Exact& b) {
  const int scale = std::max(a.scale, b.scale);
  return {a.coefficient * power_of_ten(scale - a.scale), b.coefficient * power_of_ten(scale - b.scale)};
}

/// |a / b| rounded half to even at the most digits, up to 28, that fit.
std::optional<Exact> quotient(const Exact& a, const Exact& b) {
  for (int scale = decimal::kMaxScale; scale >= 0; scale--) {
    // a / b * 10^scale, as one fraction
    const int shift = scale - a.scale + b.scale;
    const Big dividend = abs(a.coefficient) * (shift > 0 ? power_of_ten(shift) : Big(1));
    const Big divisor = abs(b.coefficient) * (shift < 0 ? power_of_ten(-shift) : Big(1));
    Big result = dividend / divisor;
    const Big twice = dividend % divisor * 2;
    if (twice > divisor || (twice == divisor && result % 2 != 0)) {
      result += 1;
    }
    if (result <= kMax) {
      const bool negative = (a.coefficient < 0) != (b.coefficient < 0);
      return held({negative ? Big(-result) : result, scale});
    }
  }
  return std::nullopt;
}

class Numbers {
 public:
  explicit Numbers(uint64_t seed) : random_(seed) {}

  /// Of all sizes, often near the ends of the range, often with many zeros.
  Value next() {
    const uint64_t bits = random_() % 128;
    unsigned __int128 m = (static_cast<unsigned __int128>(random_()) << 64) | random_();
    m &= bits == 0 ? 0 : ~static_cast<unsigned __int128>(0) >> (128 - bits);
    if (random_() % 8 == 0) {
      m = (~static_cast<unsigned __int128>(0) >> 1) - random_() % 3;
    }
    for (uint64_t zeros = random_() % 4 == 0 ? random_() % 20 : 0;
         zeros > 0 && m < (static_cast<unsigned __int128>(1) << 120); zeros--) {
      m *= 10;
    }
    int scale = static_cast<int>(random_() % 29);
    auto c = static_cast<__int128>(m);
    while (scale > 0 && c % 10 == 0) {
      c /= 10;
      scale--;
    }
    return Value::of_decimal(random_() % 2 == 0 ? c : -c, static_cast<uint8_t>(scale));
  }
  uint64_t below(uint64_t n) { return random_() % n; }

 private:
  std::mt19937_64 random_;
};

std::string text(const Value& v) {
  std::string out;
  decimal::append_text(out, v);
  return out;
}

void expect_same(const char* what, const Value& a, const Value& b, Status status, const Value& actual,
                 const std::optional<Exact>& expected) {
  ASSERT_EQ(status, expected ? Status::Ok : Status::Overflow) << text(a) << " " << what << " " << text(b);
  if (expected) {
    ASSERT_EQ(to_big(actual.coefficient()), expected->coefficient)
        << text(a) << " " << what << " " << text(b);
    ASSERT_EQ(actual.scale, expected->scale) << text(a) << " " << what << " " << text(b);
  }
}

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

TEST(DecimalOracle, EveryOperationIsExactOrOverflows) {
  const uint64_t seed = from_environment("DECIMAL_SEED", 20261125);
  const uint64_t cases = from_environment("DECIMAL_CASES", 100'000);
  RecordProperty("seed", std::to_string(seed));
  Numbers numbers(seed);
  for (uint64_t i = 0; i < cases; i++) {
    const Value a = numbers.next();
    const Value b = numbers.next();
    const Exact x = exact(a);
    const Exact y = exact(b);
    const auto [p, q] = aligned(x, y);
    const int scale = std::max(x.scale, y.scale);
    Value out;
    Status status = decimal::add(a, b, &out);
    ASSERT_NO_FATAL_FAILURE(expect_same("+", a, b, status, out, held({p + q, scale})));
    status = decimal::subtract(a, b, &out);
    ASSERT_NO_FATAL_FAILURE(expect_same("-", a, b, status, out, held({p - q, scale})));
    status = decimal::multiply(a, b, &out);
    ASSERT_NO_FATAL_FAILURE(
        expect_same("*", a, b, status, out, held({x.coefficient * y.coefficient, x.scale + y.scale})));
    const auto order = decimal::compare(a, b);
    ASSERT_EQ(order < 0, p < q) << text(a) << " <=> " << text(b);
    ASSERT_EQ(order > 0, p > q) << text(a) << " <=> " << text(b);
    if (y.coefficient == 0) {
      ASSERT_EQ(decimal::divide(a, b, &out), Status::DivisionByZero);
      continue;
    }
    status = decimal::divide(a, b, &out);
    ASSERT_NO_FATAL_FAILURE(expect_same("/", a, b, status, out, quotient(x, y)));
    status = decimal::remainder(a, b, &out);
    ASSERT_NO_FATAL_FAILURE(expect_same("%", a, b, status, out, held({p % q, scale})));
  }
}

TEST(DecimalOracle, RoundsByEveryRule) {
  Numbers numbers(7);
  for (int i = 0; i < 20'000; i++) {
    const Value a = numbers.next();
    const Exact x = exact(a);
    const int digits = static_cast<int>(numbers.below(29));
    const Big unit = x.scale > digits ? power_of_ten(x.scale - digits) : Big(1);
    const Big low = abs(x.coefficient) / unit;  // towards zero
    const Big twice = abs(x.coefficient) % unit * 2;
    const bool negative = x.coefficient < 0;
    const bool cut = twice != 0;
    const std::pair<decimal::Rounding, bool> rules[] = {
        {decimal::Rounding::HalfEven, twice > unit || (twice == unit && low % 2 != 0)},
        {decimal::Rounding::HalfUp, cut && twice >= unit},
        {decimal::Rounding::HalfDown, twice > unit},
        {decimal::Rounding::Up, cut},
        {decimal::Rounding::Down, false},
        {decimal::Rounding::Ceiling, cut && !negative},
        {decimal::Rounding::Floor, cut && negative}};
    for (const auto& [rule, away] : rules) {
      const Big magnitude = low + (away ? 1 : 0);
      Value out;
      const Status status = decimal::round(a, digits, rule, &out);
      ASSERT_NO_FATAL_FAILURE(
          expect_same("rounded", a, Value::of_decimal(digits, 0), status, out,
                      held({negative ? Big(-magnitude) : magnitude, std::min(x.scale, digits)})));
    }
  }
}

TEST(DecimalOracle, PowersAreRepeatedProducts) {
  Numbers numbers(11);
  for (int i = 0; i < 2'000; i++) {
    const Value a = Value::of_decimal(static_cast<__int128>(numbers.below(2000)) - 1000, 0);
    const auto n = static_cast<int64_t>(numbers.below(14));
    const Big exact_power = boost::multiprecision::pow(to_big(a.coefficient()), static_cast<unsigned>(n));
    Value out;
    const Status status = decimal::power(a, n, &out);
    ASSERT_NO_FATAL_FAILURE(
        expect_same("to the power of", a, Value::of_decimal(n, 0), status, out, held({exact_power, 0})));
  }
}

}  // namespace
}  // namespace catalyst::value
