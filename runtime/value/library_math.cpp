// Host functions of stdlib/math.cata and stdlib/decimal.cata.

#include <cmath>
#include <cstdio>
#include <string_view>

#include "runtime/value/decimal.h"
#include "runtime/value/library.h"

namespace catalyst::value::library {
namespace {

/// The digits of a coefficient, without sign; `buffer` has room for 40.
std::string_view digits_of(const Value& x, char (&buffer)[48]) {
  unsigned __int128 m = x.coefficient() < 0 ? -static_cast<unsigned __int128>(x.coefficient())
                                            : static_cast<unsigned __int128>(x.coefficient());
  char* const end = buffer + sizeof buffer;
  char* at = end;
  do {
    *--at = static_cast<char>('0' + static_cast<int>(m % 10));
    m /= 10;
  } while (m != 0);
  return {at, static_cast<size_t>(end - at)};
}

}  // namespace

Status math_power(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const Status status = scratch.charge(16);
  return status == Status::Ok ? decimal::power(arguments[0], arguments[1].a.integer, out) : status;
}

Status math_sqrt(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_float(std::sqrt(arguments[0].a.real)));
}

Status math_exp(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_float(std::exp(arguments[0].a.real)));
}

Status math_ln(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_float(std::log(arguments[0].a.real)));
}

Status math_to_float(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_float(decimal::to_double(arguments[0])));
}

Status math_from_float(const Scratch&, const Value* arguments, Value* out) noexcept {
  const double x = arguments[0].a.real;
  const int64_t digits = arguments[1].a.integer;
  if (digits < 0 || digits > decimal::kMaxScale) {
    return Status::OutOfRange;
  }
  char text[512];  // the largest float has 309 digits in front of the point
  const int length = std::snprintf(text, sizeof text, "%.*f", static_cast<int>(digits), x);
  Value result;
  const bool fits = std::isfinite(x) && length > 0 && static_cast<size_t>(length) < sizeof text &&
                    decimal::parse({text, static_cast<size_t>(length)}, &result) == Status::Ok;
  return give(out, fits ? result : Value::absent());
}

Status decimal_rounded(const Scratch&, const Value* arguments, Value* out) noexcept {
  // The numbers are stdlib/decimal.cata's; they never come from elsewhere.
  const int64_t mode = arguments[2].a.integer;
  if (mode < 0 || mode > static_cast<int64_t>(decimal::Rounding::Floor)) {
    return Status::OutOfRange;
  }
  return decimal::round(arguments[0], arguments[1].a.integer, static_cast<decimal::Rounding>(mode), out);
}

Status decimal_scale(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_int(arguments[0].scale));
}

Status decimal_precision(const Scratch&, const Value* arguments, Value* out) noexcept {
  char buffer[48];
  return give(out, Value::of_int(static_cast<int64_t>(digits_of(arguments[0], buffer).size())));
}

Status decimal_to_fixed(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  Value rounded;
  if (const Status status =
          decimal::round(arguments[0], arguments[1].a.integer, decimal::Rounding::HalfUp, &rounded);
      status != Status::Ok) {
    return status;
  }
  const auto places = static_cast<size_t>(arguments[1].a.integer);
  char buffer[48];
  const std::string_view digits = digits_of(rounded, buffer);
  const size_t behind = rounded.scale;
  const std::string_view whole = digits.substr(0, digits.size() > behind ? digits.size() - behind : 0);
  const std::string_view fraction = digits.substr(whole.size());
  TextWriter writer(scratch, 48 + places);
  if (writer.status() != Status::Ok) {
    return writer.status();
  }
  if (rounded.coefficient() < 0) {
    writer.add('-');
  }
  writer.add(whole.empty() ? std::string_view("0") : whole);
  if (places > 0) {
    writer.add('.');
    for (size_t i = fraction.size(); i < behind; i++) {
      writer.add('0');
    }
    writer.add(fraction);
    for (size_t i = behind; i < places; i++) {
      writer.add('0');
    }
  }
  return writer.finish(out);
}

}  // namespace catalyst::value::library
