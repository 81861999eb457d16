#include "runtime/value/builtin.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "runtime/value/decimal.h"
#include "runtime/value/ip.h"
#include "runtime/value/library.h"
#include "runtime/value/ops.h"
#include "runtime/value/time.h"
#include "runtime/value/utf8.h"

namespace catalyst::value {
namespace {

constexpr BuiltinInfo kBuiltins[] = {
#define BUILTIN(name, text, signature) {text, signature},
#include "runtime/value/builtin.def"
#undef BUILTIN
#define LIBRARY(name, text, signature, function) {text, signature},
#include "runtime/value/library.def"
#undef LIBRARY
};

template <class Change>
Status map_ascii(const Scratch& scratch, std::string_view text, Change change, Value* out) {
  char* bytes = static_cast<char*>(scratch.arena->alloc(text.size()));
  if (bytes == nullptr) {
    return Status::OutOfMemory;
  }
  std::transform(text.begin(), text.end(), bytes, change);
  *out = Value::of_string({bytes, text.size()});
  return Status::Ok;
}

/// The same number for the same text on every machine and in every version: FNV-1a, mixed once more since its
/// low bits depend on few others.
Status bucket(std::string_view text, int64_t count, Value* out) {
  if (count <= 0) {
    return Status::OutOfRange;
  }
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) {
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  }
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdu;
  hash ^= hash >> 33;
  *out = Value::of_int(static_cast<int64_t>(hash % static_cast<uint64_t>(count)));
  return Status::Ok;
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// An empty separator gives the whole text.
Status split(const Scratch& scratch, std::string_view text, std::string_view separator, Value* out) {
  uint32_t count = 1;
  if (!separator.empty()) {
    for (size_t at = text.find(separator); at != std::string_view::npos;
         at = text.find(separator, at + separator.size())) {
      count++;
    }
  }
  if (const Status status = scratch.charge(count); status != Status::Ok) {
    return status;
  }
  Value* items = scratch.arena->alloc_array<Value>(count);
  if (items == nullptr) {
    return Status::OutOfMemory;
  }
  for (uint32_t i = 0; i < count; i++) {
    const size_t end = i + 1 < count ? text.find(separator) : text.size();
    items[i] = Value::of_string(text.substr(0, end));
    text.remove_prefix(i + 1 < count ? end + separator.size() : end);
  }
  *out = Value::of_list(items, count);
  return Status::Ok;
}

Status join(const Scratch& scratch, const Value& parts, std::string_view separator, Value* out) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < parts.length; i++) {
    bytes += parts.a.items[i].length + (i == 0 ? 0 : separator.size());
  }
  if (const Status status = scratch.charge_scan(bytes); status != Status::Ok) {
    return status;
  }
  char* text = bytes > UINT32_MAX ? nullptr : static_cast<char*>(scratch.arena->alloc(bytes));
  if (text == nullptr) {
    return Status::OutOfMemory;
  }
  char* end = text;
  for (uint32_t i = 0; i < parts.length; i++) {
    if (i != 0) {
      end = std::copy(separator.begin(), separator.end(), end);
    }
    const std::string_view part = parts.a.items[i].text();
    end = std::copy(part.begin(), part.end(), end);
  }
  *out = Value::of_string({text, bytes});
  return Status::Ok;
}

/// An empty part is not found anywhere.
Status replace(const Scratch& scratch, std::string_view text, std::string_view part, std::string_view by,
               Value* out) {
  Value pieces;
  const Status status = part.empty() ? Status::Ok : split(scratch, text, part, &pieces);
  if (status != Status::Ok) {
    return status;
  }
  if (part.empty()) {
    *out = Value::of_string(text);
    return Status::Ok;
  }
  return join(scratch, pieces, by, out);
}

/// Code points from `start` (from 0), at most `count`; what lies outside the text is left out.
Value substring(std::string_view text, int64_t start, int64_t count) {
  const size_t begin = offset_of_code_point(text, std::max<int64_t>(start, 0));
  const std::string_view rest = text.substr(begin);
  return Value::of_string(rest.substr(0, offset_of_code_point(rest, std::max<int64_t>(count, 0))));
}

Status sum_int(const Value& list, Value* out) {
  int64_t sum = 0;
  for (uint32_t i = 0; i < list.length; i++) {
    if (add_int(sum, list.a.items[i].a.integer, &sum) != Status::Ok) {
      return Status::Overflow;
    }
  }
  *out = Value::of_int(sum);
  return Status::Ok;
}

Status sum_decimal(const Value& list, Value* out) {
  Value sum = Value::of_decimal(0, 0);
  for (uint32_t i = 0; i < list.length; i++) {
    if (const Status status = decimal::add(sum, list.a.items[i], &sum); status != Status::Ok) {
      return status;
    }
  }
  *out = sum;
  return Status::Ok;
}

Status entries_as_list(const Scratch& scratch, const Value& map, bool keys, Value* out) {
  Value* items = scratch.arena->alloc_array<Value>(map.length);
  if (items == nullptr) {
    return Status::OutOfMemory;
  }
  for (uint32_t i = 0; i < map.length; i++) {
    items[i] = keys ? Value::of_string(map.a.entries[i].key) : map.a.entries[i].value;
  }
  *out = Value::of_list(items, map.length);
  return Status::Ok;
}

Value to_int(std::string_view text) {
  int64_t x = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), x);
  return problem == std::errc() && end == text.data() + text.size() && !text.empty() ? Value::of_int(x)
                                                                                     : Value::absent();
}

Value to_decimal(std::string_view text) {
  Value x;
  return decimal::parse(text, &x) == Status::Ok ? x : Value::absent();
}

Value to_time(std::string_view text) {
  const std::optional<int64_t> us = parse_time(text);
  return us ? Value::of_int(*us, Kind::Time) : Value::absent();
}

/// What grows with the arguments.
uint64_t work(const Value* arguments, size_t count) {
  uint64_t steps = 1;
  for (size_t i = 0; i < count; i++) {
    const Kind kind = arguments[i].kind;
    if (kind == Kind::String) {
      steps += arguments[i].length / 64;
    } else if (kind == Kind::List || kind == Kind::Map) {
      steps += arguments[i].length;
    }
  }
  return steps;
}

size_t argument_count(std::string_view signature) {
  // Commas inside < > belong to a type.
  size_t count = 1;
  int depth = 0;
  for (const char c : signature.substr(0, signature.find(')'))) {
    depth += c == '<' ? 1 : (c == '>' ? -1 : 0);
    count += c == ',' && depth == 0 ? 1 : 0;
  }
  return count;
}

}  // namespace

std::span<const BuiltinInfo> builtins() { return kBuiltins; }

Status call_builtin(const Scratch& scratch, Builtin builtin, const Value* arguments, Value* out) noexcept {
  static const auto kCounts = [] {
    std::array<size_t, std::size(kBuiltins)> counts{};
    std::transform(std::begin(kBuiltins), std::end(kBuiltins), counts.begin(),
                   [](const BuiltinInfo& info) { return argument_count(info.signature); });
    return counts;
  }();
  if (const Status status = scratch.charge(work(arguments, kCounts[static_cast<size_t>(builtin)]));
      status != Status::Ok) {
    return status;
  }
  const Value& x = arguments[0];
  const auto done = [&](Value v) {
    *out = v;
    return Status::Ok;
  };
  switch (builtin) {
    case Builtin::Lower:
      return map_ascii(
          scratch, x.text(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; },
          out);
    case Builtin::Upper:
      return map_ascii(
          scratch, x.text(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; },
          out);
    case Builtin::Trim:
      return done(Value::of_string(trimmed(x.text())));
    case Builtin::LengthText:
      return done(Value::of_int(count_code_points(x.text())));
    case Builtin::LengthList:
    case Builtin::LengthSet:
    case Builtin::LengthMap:
      return done(Value::of_int(x.length));
    case Builtin::Split:
      return split(scratch, x.text(), arguments[1].text(), out);
    case Builtin::Join:
      return join(scratch, x, arguments[1].text(), out);
    case Builtin::Replace:
      return replace(scratch, x.text(), arguments[1].text(), arguments[2].text(), out);
    case Builtin::Substring:
      return done(substring(x.text(), arguments[1].a.integer, arguments[2].a.integer));
    case Builtin::AbsInt:
      return x.a.integer == INT64_MIN ? Status::Overflow
                                      : done(Value::of_int(x.a.integer < 0 ? -x.a.integer : x.a.integer));
    case Builtin::AbsDecimal:
      return x.coefficient() < 0 ? decimal::negate(x, out) : done(x);
    case Builtin::MinInt:
      return done(Value::of_int(std::min(x.a.integer, arguments[1].a.integer)));
    case Builtin::MaxInt:
      return done(Value::of_int(std::max(x.a.integer, arguments[1].a.integer)));
    case Builtin::MinDecimal:
      return done(decimal::compare(arguments[1], x) < 0 ? arguments[1] : x);
    case Builtin::MaxDecimal:
      return done(decimal::compare(x, arguments[1]) < 0 ? arguments[1] : x);
    case Builtin::Bucket:
      return bucket(x.text(), arguments[1].a.integer, out);
    case Builtin::Round:
      return decimal::round(x, arguments[1].a.integer, out);
    case Builtin::Floor:
      return decimal::floor(x, out);
    case Builtin::Ceil:
      return decimal::ceil(x, out);
    case Builtin::SumInt:
      return sum_int(x, out);
    case Builtin::SumDecimal:
      return sum_decimal(x, out);
    case Builtin::First:
      return done(x.length == 0 ? Value::absent() : x.a.items[0]);
    case Builtin::Last:
      return done(x.length == 0 ? Value::absent() : x.a.items[x.length - 1]);
    case Builtin::Keys:
      return entries_as_list(scratch, x, true, out);
    case Builtin::Values:
      return entries_as_list(scratch, x, false, out);
    case Builtin::Distinct:
      return set_union(scratch, x, Value::of_list(nullptr, 0), out);
    case Builtin::IsPrivate:
      return done(Value::of_bool(is_private_ip(x)));
    case Builtin::Year:
      return done(Value::of_int(civil_time(x.a.integer).year));
    case Builtin::Month:
      return done(Value::of_int(civil_time(x.a.integer).month));
    case Builtin::Day:
      return done(Value::of_int(civil_time(x.a.integer).day));
    case Builtin::Hour:
      return done(Value::of_int(civil_time(x.a.integer).hour));
    case Builtin::Minute:
      return done(Value::of_int(civil_time(x.a.integer).minute));
    case Builtin::Weekday:
      return done(Value::of_int(civil_time(x.a.integer).weekday));
    case Builtin::ToInt:
      return done(to_int(x.text()));
    case Builtin::ToDecimal:
      return done(to_decimal(x.text()));
    case Builtin::ToTime:
      return done(to_time(x.text()));
    case Builtin::ToIp:
      return done(parse_ip(x.text()).value_or(Value::absent()));
#define LIBRARY(name, text, signature, function) \
  case Builtin::name:                            \
    return library::function(scratch, arguments, out);
#include "runtime/value/library.def"
#undef LIBRARY
  }
  return Status::BadType;
}

}  // namespace catalyst::value
