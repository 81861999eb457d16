#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "runtime/value/scratch.h"
#include "runtime/value/value.h"

// The operations of the language that are more than an instruction: one meaning, used by the interpreter and
// called by native code. Operands have the types that the checker proved; inputs were converted before.
// Results that need memory come from the scratch arena (OutOfMemory when it is full); `*out` is only written
// on Ok. Nothing throws.

namespace catalyst::value {

// ---- equality and order ----

/// Structural. Sets and lists: `as_set` compares without order. Json numbers compare by value (Int against
/// Decimal).
bool equal(const Value& a, const Value& b) noexcept;
bool equal_sets(const Value& a, const Value& b) noexcept;
/// Charges the elements compared, then equal / equal_sets.
Status equal_charged(const Scratch& scratch, const Value& a, const Value& b, bool as_sets,
                     bool* out) noexcept;
/// Int, Time, Duration, Decimal, String (bytewise). Floats are compared by the caller (NaN).
std::strong_ordering order(const Value& a, const Value& b) noexcept;

// ---- integers; int, time and duration share them ----

inline Status add_int(int64_t a, int64_t b, int64_t* out) noexcept {
  return __builtin_add_overflow(a, b, out) ? Status::Overflow : Status::Ok;
}
inline Status subtract_int(int64_t a, int64_t b, int64_t* out) noexcept {
  return __builtin_sub_overflow(a, b, out) ? Status::Overflow : Status::Ok;
}
inline Status multiply_int(int64_t a, int64_t b, int64_t* out) noexcept {
  return __builtin_mul_overflow(a, b, out) ? Status::Overflow : Status::Ok;
}
/// Truncates towards zero.
inline Status divide_int(int64_t a, int64_t b, int64_t* out) noexcept {
  if (b == 0) {
    return Status::DivisionByZero;
  }
  if (b == -1) {
    return subtract_int(0, a, out);
  }
  *out = a / b;
  return Status::Ok;
}
/// Sign of the left side.
inline Status remainder_int(int64_t a, int64_t b, int64_t* out) noexcept {
  if (b == 0) {
    return Status::DivisionByZero;
  }
  *out = b == -1 ? 0 : a % b;
  return Status::Ok;
}

// ---- text ----

Status contains_text(const Scratch& scratch, std::string_view text, std::string_view part,
                     bool* out) noexcept;
/// `*` any run, `?` one code point, everything else itself; the whole text must match. Linear: at most text x
/// stars steps, charged.
Status glob(const Scratch& scratch, std::string_view text, std::string_view pattern, bool* out) noexcept;
/// The form a value takes inside "{...}": strings as they are, decimals and times in their canonical form,
/// the rest as JSON.
void append_text(std::string& out, const Value& v);
/// JSON text. Times and durations as RFC 3339 and ISO-like strings ("30s" form), IPs as strings, bytes as
/// base64.
void append_json(std::string& out, const Value& v);
/// The texts of `parts`, joined.
Status interpolate(const Scratch& scratch, const Value* parts, uint32_t count, Value* out) noexcept;

// ---- collections; all charge the elements they look at ----

Status has(const Scratch& scratch, const Value& collection, const Value& element, bool* out) noexcept;
Status subset_of(const Scratch& scratch, const Value& a, const Value& b, bool* out) noexcept;
Status intersects(const Scratch& scratch, const Value& a, const Value& b, bool* out) noexcept;
/// Elements in order of first appearance, each once.
Status set_union(const Scratch& scratch, const Value& a, const Value& b, Value* out) noexcept;
Status set_intersect(const Scratch& scratch, const Value& a, const Value& b, Value* out) noexcept;
Status set_except(const Scratch& scratch, const Value& a, const Value& b, Value* out) noexcept;
/// A list of the items; with `unique`, each once.
Status make_list(const Scratch& scratch, const Value* items, uint32_t count, bool unique,
                 Value* out) noexcept;
/// `items` alternate key (String) and value. The last of equal keys wins.
Status make_map(const Scratch& scratch, const Value* items, uint32_t count, Value* out) noexcept;
/// Absent when the map has no such member, or `v` is not a map.
Value field(const Value& v, std::string_view name) noexcept;
/// list[int], map[string]; Absent outside, or when `v` is neither.
Value index(const Value& v, const Value& at) noexcept;
bool ip_inside(const Value& ip, const Value& network) noexcept;

}  // namespace catalyst::value
