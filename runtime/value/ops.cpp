#include "runtime/value/ops.h"

#include <algorithm>
#include <cstring>

#include "runtime/value/decimal.h"
#include "runtime/value/find_text.h"

namespace catalyst::value {
namespace {

bool is_number(Kind kind) { return kind == Kind::Int || kind == Kind::Decimal; }

bool contains_value(const Value& list, const Value& element) noexcept {
  return std::any_of(list.a.items, list.a.items + list.length,
                     [&](const Value& v) { return equal(v, element); });
}

const Value* find_entry(const Value& map, std::string_view key) noexcept {
  for (uint32_t i = 0; i < map.length; i++) {
    if (map.a.entries[i].key == key) {
      return &map.a.entries[i].value;
    }
  }
  return nullptr;
}

bool equal_maps(const Value& a, const Value& b) noexcept {
  if (a.length != b.length) {
    return false;
  }
  for (uint32_t i = 0; i < a.length; i++) {
    const Value* other = find_entry(b, a.a.entries[i].key);
    if (other == nullptr || !equal(a.a.entries[i].value, *other)) {
      return false;
    }
  }
  return true;
}

/// Number of values inside, nested ones included: the price of a structural comparison.
uint64_t weight(const Value& v) noexcept {
  uint64_t sum = 1;
  if (v.kind == Kind::List) {
    for (uint32_t i = 0; i < v.length; i++) {
      sum += weight(v.a.items[i]);
    }
  } else if (v.kind == Kind::Map) {
    for (uint32_t i = 0; i < v.length; i++) {
      sum += weight(v.a.entries[i].value);
    }
  }
  return sum;
}

/// Steps of testing each element of `a` against all of `b`.
Status charge_product(const Scratch& scratch, const Value& a, const Value& b) noexcept {
  return scratch.charge(1 + uint64_t{a.length} + b.length + uint64_t{a.length} * b.length / 16);
}

template <class Keep>
Status filter(const Scratch& scratch, const Value& a, uint32_t capacity, const Value* extra, Keep keep,
              Value* out) noexcept {
  Value* items = scratch.arena->alloc_array<Value>(capacity);
  if (items == nullptr && capacity != 0) {
    return Status::OutOfMemory;
  }
  Value result = Value::of_list(items, 0);
  const auto take = [&](const Value& from) {
    for (uint32_t i = 0; i < from.length; i++) {
      if (keep(from.a.items[i]) && !contains_value(result, from.a.items[i])) {
        items[result.length++] = from.a.items[i];
      }
    }
  };
  take(a);
  if (extra != nullptr) {
    take(*extra);
  }
  *out = result;
  return Status::Ok;
}

size_t code_point_length(char lead) noexcept {
  const auto c = static_cast<unsigned char>(lead);
  return c < 0x80 ? 1 : (c >= 0xF0 ? 4 : (c >= 0xE0 ? 3 : 2));
}

}  // namespace

bool equal(const Value& a, const Value& b) noexcept {
  if (a.kind != b.kind) {
    if (is_number(a.kind) && is_number(b.kind)) {
      const Value x = a.kind == Kind::Int ? decimal::from_int(a.a.integer) : a;
      const Value y = b.kind == Kind::Int ? decimal::from_int(b.a.integer) : b;
      return decimal::compare(x, y) == std::strong_ordering::equal;
    }
    return false;
  }
  switch (a.kind) {
    case Kind::Absent:
      return true;
    case Kind::Invalid:
      return false;
    case Kind::Bool:
    case Kind::Int:
    case Kind::Time:
    case Kind::Duration:
      return a.a.integer == b.a.integer;
    case Kind::Decimal:
      return a.scale == b.scale && a.a.low == b.a.low && a.b.high == b.b.high;
    case Kind::Float:
      return a.a.real == b.a.real;
    case Kind::String:
    case Kind::Bytes:
      return a.text() == b.text();
    case Kind::Ip:
      return a.scale == b.scale && a.a.low == b.a.low && a.b.high == b.b.high;
    case Kind::List:
      return a.length == b.length && std::equal(a.a.items, a.a.items + a.length, b.a.items, equal);
    case Kind::Map:
      return equal_maps(a, b);
  }
  return false;
}

bool equal_sets(const Value& a, const Value& b) noexcept {
  const auto inside = [](const Value& x, const Value& y) {
    return std::all_of(x.a.items, x.a.items + x.length, [&](const Value& v) { return contains_value(y, v); });
  };
  return inside(a, b) && inside(b, a);
}

Status equal_charged(const Scratch& scratch, const Value& a, const Value& b, bool as_sets,
                     bool* out) noexcept {
  const Status status =
      as_sets ? charge_product(scratch, a, b) : scratch.charge(std::min(weight(a), weight(b)));
  if (status == Status::Ok) {
    *out = as_sets ? equal_sets(a, b) : equal(a, b);
  }
  return status;
}

std::strong_ordering order(const Value& a, const Value& b) noexcept {
  if (a.kind == Kind::Decimal) {
    return decimal::compare(a, b);
  }
  if (a.kind == Kind::String) {
    return a.text() <=> b.text();
  }
  return a.a.integer <=> b.a.integer;
}

Status contains_text(const Scratch& scratch, std::string_view text, std::string_view part,
                     bool* out) noexcept {
  const Status status = scratch.charge_scan(text.size());
  if (status == Status::Ok) {
    *out = find_text(text, part) != std::string_view::npos;
  }
  return status;
}

Status glob(const Scratch& scratch, std::string_view text, std::string_view pattern, bool* out) noexcept {
  const auto stars = static_cast<uint64_t>(std::count(pattern.begin(), pattern.end(), '*'));
  const Status status = scratch.charge_scan((text.size() + pattern.size()) * (1 + stars));
  if (status != Status::Ok) {
    return status;
  }
  // The last star passed is the only one that ever needs to take more: greedy backtracking to it alone is
  // exact and linear per star.
  size_t t = 0;
  size_t p = 0;
  size_t star = std::string_view::npos;
  size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      t = std::min(text.size(), t + code_point_length(text[t]));
      p++;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      t++;
      p++;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      resume = std::min(text.size(), resume + code_point_length(text[resume]));
      t = resume;
    } else {
      *out = false;
      return Status::Ok;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') {
    p++;
  }
  *out = p == pattern.size();
  return Status::Ok;
}

Status interpolate(const Scratch& scratch, const Value* parts, uint32_t count, Value* out) noexcept {
  thread_local std::string text;  // keeps its capacity: a warm evaluation allocates nothing
  text.clear();
  for (uint32_t i = 0; i < count; i++) {
    append_text(text, parts[i]);
  }
  if (const Status status = scratch.charge_scan(text.size()); status != Status::Ok) {
    return status;
  }
  const std::string_view kept = scratch.arena->copy(text);
  if (kept.data() == nullptr && !text.empty()) {
    return Status::OutOfMemory;
  }
  *out = Value::of_string(kept);
  return Status::Ok;
}

Status has(const Scratch& scratch, const Value& collection, const Value& element, bool* out) noexcept {
  const Status status = scratch.charge(1 + uint64_t{collection.length} / 8);
  if (status == Status::Ok) {
    *out = collection.kind == Kind::Map ? find_entry(collection, element.text()) != nullptr
                                        : contains_value(collection, element);
  }
  return status;
}

Status subset_of(const Scratch& scratch, const Value& a, const Value& b, bool* out) noexcept {
  const Status status = charge_product(scratch, a, b);
  if (status == Status::Ok) {
    *out = std::all_of(a.a.items, a.a.items + a.length, [&](const Value& v) { return contains_value(b, v); });
  }
  return status;
}

Status intersects(const Scratch& scratch, const Value& a, const Value& b, bool* out) noexcept {
  const Status status = charge_product(scratch, a, b);
  if (status == Status::Ok) {
    *out = std::any_of(a.a.items, a.a.items + a.length, [&](const Value& v) { return contains_value(b, v); });
  }
  return status;
}

Status set_union(const Scratch& scratch, const Value& a, const Value& b, Value* out) noexcept {
  const uint64_t total = uint64_t{a.length} + b.length;
  if (const Status status = scratch.charge(1 + total + total * total / 16); status != Status::Ok) {
    return status;
  }
  return filter(scratch, a, static_cast<uint32_t>(total), &b, [](const Value&) { return true; }, out);
}

Status set_intersect(const Scratch& scratch, const Value& a, const Value& b, Value* out) noexcept {
  if (const Status status = charge_product(scratch, a, b); status != Status::Ok) {
    return status;
  }
  return filter(scratch, a, a.length, nullptr, [&](const Value& v) { return contains_value(b, v); }, out);
}

Status set_except(const Scratch& scratch, const Value& a, const Value& b, Value* out) noexcept {
  if (const Status status = charge_product(scratch, a, b); status != Status::Ok) {
    return status;
  }
  return filter(scratch, a, a.length, nullptr, [&](const Value& v) { return !contains_value(b, v); }, out);
}

Status make_list(const Scratch& scratch, const Value* items, uint32_t count, bool unique,
                 Value* out) noexcept {
  const Value given = Value::of_list(items, count);
  if (unique) {
    return set_union(scratch, given, Value::of_list(nullptr, 0), out);
  }
  if (const Status status = scratch.charge(count); status != Status::Ok) {
    return status;
  }
  Value* copy = scratch.arena->alloc_array<Value>(count);
  if (copy == nullptr) {
    return Status::OutOfMemory;
  }
  std::copy(items, items + count, copy);
  *out = Value::of_list(copy, count);
  return Status::Ok;
}

Status make_map(const Scratch& scratch, const Value* items, uint32_t count, Value* out) noexcept {
  const uint64_t pairs = count / 2;
  if (const Status status = scratch.charge(1 + pairs + pairs * pairs / 16); status != Status::Ok) {
    return status;
  }
  Entry* entries = scratch.arena->alloc_array<Entry>(pairs);
  if (entries == nullptr) {
    return Status::OutOfMemory;
  }
  uint32_t used = 0;
  for (uint32_t i = 0; i + 1 < count; i += 2) {
    const std::string_view key = items[i].text();
    Entry* const end = entries + used;
    Entry* const place = std::find_if(entries, end, [&](const Entry& e) { return e.key == key; });
    *place = Entry{key, items[i + 1]};
    used += place == end ? 1 : 0;
  }
  *out = Value::of_map(entries, used);
  return Status::Ok;
}

Value field(const Value& v, std::string_view name) noexcept {
  if (v.kind != Kind::Map) {
    return Value::absent();
  }
  const Value* found = find_entry(v, name);
  return found == nullptr ? Value::absent() : *found;
}

Value index(const Value& v, const Value& at) noexcept {
  if (v.kind == Kind::List && at.kind == Kind::Int) {
    const bool inside = at.a.integer >= 0 && at.a.integer < static_cast<int64_t>(v.length);
    return inside ? v.a.items[at.a.integer] : Value::absent();
  }
  return at.kind == Kind::String ? field(v, at.text()) : Value::absent();
}

bool ip_inside(const Value& ip, const Value& network) noexcept {
  uint8_t a[16];
  uint8_t n[16];
  std::memcpy(a, &ip.a, 8);
  std::memcpy(a + 8, &ip.b, 8);
  std::memcpy(n, &network.a, 8);
  std::memcpy(n + 8, &network.b, 8);
  if (ip.scale < network.scale) {
    return false;  // the left network is wider than the right one
  }
  const size_t bytes = network.scale / 8;
  const unsigned bits = network.scale % 8;
  return std::memcmp(a, n, bytes) == 0 && (bits == 0 || ((a[bytes] ^ n[bytes]) >> (8 - bits)) == 0);
}

}  // namespace catalyst::value
