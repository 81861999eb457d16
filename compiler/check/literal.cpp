#include "compiler/check/literal.h"

#include <string>

#include "runtime/value/decimal.h"
#include "runtime/value/ip.h"
#include "runtime/value/time.h"

namespace catalyst::check {
namespace {

using value::Kind;
using value::Value;

int64_t size_unit(std::string_view unit) {
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"B", 1},         {"KB", 1'000},    {"MB", 1'000'000}, {"GB", 1'000'000'000},
      {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
  };
  for (const auto& [text, factor] : kUnits) {
    if (text == unit) {
      return factor;
    }
  }
  return 0;
}

/// `digits` times `factor`, when that is an integer of 64 bits.
std::optional<int64_t> scaled(const Value& number, int64_t factor) {
  Value product;
  if (value::decimal::multiply(number, value::decimal::from_int(factor), &product) != value::Status::Ok ||
      product.scale != 0) {
    return std::nullopt;
  }
  const __int128 whole = product.coefficient();
  if (whole > INT64_MAX || whole < INT64_MIN) {
    return std::nullopt;
  }
  return static_cast<int64_t>(whole);
}

}  // namespace

Number read_number(std::string_view digits, std::string_view unit, bool negative) {
  constexpr Number kOutOfRange{NumberForm::OutOfRange, {}};
  // Leading zeros are no JSON, but they are harmless.
  while (digits.size() > 1 && digits[0] == '0' && digits[1] != '.') {
    digits.remove_prefix(1);
  }
  Value number;
  const std::string text = (negative ? "-" : "") + std::string(digits);
  if (value::decimal::parse(text, &number) != value::Status::Ok) {
    return kOutOfRange;
  }
  if (unit == "%") {
    Value share;
    const bool fits = value::decimal::multiply(number, Value::of_decimal(1, 2), &share) == value::Status::Ok;
    return fits ? Number{NumberForm::Decimal, share} : kOutOfRange;
  }
  if (unit.empty() && digits.find('.') != std::string_view::npos) {
    return {NumberForm::Decimal, number};
  }
  const int64_t duration = value::duration_unit(unit);
  const int64_t factor = unit.empty() ? 1 : duration != 0 ? duration : size_unit(unit);
  if (factor == 0) {
    return {NumberForm::UnknownUnit, {}};
  }
  const std::optional<int64_t> whole = scaled(number, factor);
  if (!whole) {
    return kOutOfRange;
  }
  if (duration != 0) {
    return {NumberForm::Duration, Value::of_int(*whole, Kind::Duration)};
  }
  return {NumberForm::Int, Value::of_int(*whole)};
}

std::optional<Value> read_ip(std::string_view text, bool network) {
  std::optional<Value> ip = value::parse_ip(text);
  if (ip && !network && ip->scale != 128) {
    return std::nullopt;
  }
  return ip;
}

std::optional<Value> read_time(std::string_view text) {
  const std::optional<int64_t> us = value::parse_time(text);
  return us ? std::optional(Value::of_int(*us, Kind::Time)) : std::nullopt;
}

std::optional<Value> read_duration(std::string_view text) {
  const std::optional<int64_t> us = value::parse_duration(text);
  return us ? std::optional(Value::of_int(*us, Kind::Duration)) : std::nullopt;
}

}  // namespace catalyst::check
