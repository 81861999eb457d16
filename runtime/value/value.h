#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "runtime/base/arena.h"

namespace catalyst::value {

/// What a Value holds. `Absent` is an optional without a value (the language has no null: JSON null reads as
/// Absent). `Invalid` is an input that could not be read as its static type: touching it is a rule error
/// (status kBadType).
enum class Kind : uint8_t {
  Absent,
  Invalid,
  Bool,      // a.boolean
  Int,       // a.integer
  Decimal,   // coefficient in a.low / b.high, `scale` digits behind the point
  Float,     // a.real
  String,    // a.text, length; also enum members
  Bytes,     // a.text, length
  Time,      // a.integer: microseconds since 1970-01-01T00:00:00Z
  Duration,  // a.integer: microseconds
  Ip,        // a.octets (16, IPv4 mapped), `scale` = prefix length in bits of the 128 (an address has 128)
  List,      // a.items, length; also sets (sorted is not promised; unique is)
  Map,       // a.entries, length; also records; keys unique
};

struct Entry;

/// One value of the language. 24 bytes, trivially copyable, never owns: strings, lists and maps point into
/// request bytes, an Arena or a unit's constants. The layout is fixed: compiled code reads `kind`, `length`
/// and the first payload word directly.
struct Value {
  Kind kind = Kind::Absent;
  uint8_t scale = 0;    // Decimal: digits behind the point; Ip: prefix length
  uint16_t flags = 0;   // reserved, 0
  uint32_t length = 0;  // String, Bytes: bytes; List, Map: items
  union {
    bool boolean;
    int64_t integer;
    double real;
    uint64_t low;
    const char* text;
    const Value* items;
    const Entry* entries;
  } a{};
  union {
    uint64_t high;
    int64_t signed_high;
  } b{};

  static Value absent() { return {}; }
  static Value invalid() {
    Value v;
    v.kind = Kind::Invalid;
    return v;
  }
  static Value of_bool(bool x) {
    Value v;
    v.kind = Kind::Bool;
    v.a.integer = x ? 1 : 0;
    return v;
  }
  static Value of_int(int64_t x, Kind kind = Kind::Int) {
    Value v;
    v.kind = kind;
    v.a.integer = x;
    return v;
  }
  static Value of_float(double x) {
    Value v;
    v.kind = Kind::Float;
    v.a.real = x;
    return v;
  }
  static Value of_decimal(__int128 coefficient, uint8_t scale) {
    Value v;
    v.kind = Kind::Decimal;
    v.scale = scale;
    v.a.low = static_cast<uint64_t>(coefficient);
    v.b.signed_high = static_cast<int64_t>(coefficient >> 64);
    return v;
  }
  static Value of_string(std::string_view s, Kind kind = Kind::String) {
    Value v;
    v.kind = kind;
    v.length = static_cast<uint32_t>(s.size());
    v.a.text = s.data();
    return v;
  }
  /// `octets` are in network order; IPv4 as ::ffff:a.b.c.d.
  static Value of_ip(const uint8_t (&octets)[16], uint8_t prefix_bits) {
    Value v;
    v.kind = Kind::Ip;
    v.scale = prefix_bits;
    std::memcpy(&v.a, octets, 8);
    std::memcpy(&v.b, octets + 8, 8);
    return v;
  }
  static Value of_list(const Value* items, uint32_t length) {
    Value v;
    v.kind = Kind::List;
    v.length = length;
    v.a.items = items;
    return v;
  }
  static Value of_map(const Entry* entries, uint32_t length) {
    Value v;
    v.kind = Kind::Map;
    v.length = length;
    v.a.entries = entries;
    return v;
  }

  [[nodiscard]] bool is_absent() const { return kind == Kind::Absent; }
  [[nodiscard]] std::string_view text() const { return {a.text, length}; }
  [[nodiscard]] __int128 coefficient() const {
    return (static_cast<__int128>(b.signed_high) << 64) | static_cast<__int128>(a.low);
  }
};

/// A member of a Map.
struct Entry {
  std::string_view key;
  Value value;
};

static_assert(sizeof(Value) == 24);

/// How an operation of the language ended. Anything but Ok makes the rule's condition an error: a deny then
/// matches and an allow does not. Numbers are part of the explanation format.
enum class Status : int32_t {
  Ok = 0,
  Missing = 1,   // a required input was not there
  BadType = 2,   // an input did not have its declared type
  Overflow = 3,  // integer, decimal, time or duration arithmetic left its range
  DivisionByZero = 4,
  OutOfFuel = 5,    // the rule's step budget is used up
  OutOfMemory = 6,  // the evaluation's arena is full
  OutOfRange = 7,   // list index outside the list
  TooDeep = 8,      // input JSON nested beyond the limit
  NoSuchZone = 9,   // a time zone that the machine's database does not have
};

/// Stable lower-case name ("overflow"), for verdicts, logs and metrics.
std::string_view status_name(Status status);

}  // namespace catalyst::value
