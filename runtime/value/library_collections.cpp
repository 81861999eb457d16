// Host functions of stdlib/collections.cata.

#include <algorithm>

#include "runtime/value/library.h"
#include "runtime/value/ops.h"

namespace catalyst::value::library {
namespace {

Value part_of(const Value& list, uint64_t from, uint64_t to) {
  return Value::of_list(list.a.items + from, static_cast<uint32_t>(to - from));
}

uint64_t clamped(int64_t n, uint32_t length) {
  return n <= 0 ? 0 : std::min<uint64_t>(static_cast<uint64_t>(n), length);
}

/// Floats have an order, too: NaN is the smallest.
bool less(const Value& a, const Value& b) {
  if (a.kind == Kind::Float) {
    return a.a.real < b.a.real || (a.a.real != a.a.real && b.a.real == b.a.real);
  }
  return order(a, b) < 0;
}

template <class Better>
Status extreme(const Value& list, Better better, Value* out) {
  const Value* best = list.length == 0 ? nullptr : list.a.items;
  for (uint32_t i = 1; i < list.length; i++) {
    best = better(list.a.items[i], *best) ? &list.a.items[i] : best;
  }
  return give(out, best == nullptr ? Value::absent() : *best);
}

bool has_key(const Value& keys, std::string_view key) {
  return std::any_of(keys.a.items, keys.a.items + keys.length,
                     [&](const Value& k) { return k.text() == key; });
}

Status filtered(const Scratch& scratch, const Value& map, const Value& keys, bool keep, Value* out) {
  if (const Status status = scratch.charge(uint64_t{map.length} * keys.length / 8); status != Status::Ok) {
    return status;
  }
  Entry* entries = scratch.arena->alloc_array<Entry>(map.length);
  if (entries == nullptr) {
    return Status::OutOfMemory;
  }
  Entry* const end = std::copy_if(map.a.entries, map.a.entries + map.length, entries,
                                  [&](const Entry& entry) { return has_key(keys, entry.key) == keep; });
  return give(out, Value::of_map(entries, static_cast<uint32_t>(end - entries)));
}

}  // namespace

Status list_reverse(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const Value& list = arguments[0];
  Value* items = new_items(scratch, list.length);
  if (items == nullptr) {
    return Status::OutOfMemory;
  }
  std::reverse_copy(list.a.items, list.a.items + list.length, items);
  return give(out, Value::of_list(items, list.length));
}

Status list_take(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, part_of(arguments[0], 0, clamped(arguments[1].a.integer, arguments[0].length)));
}

Status list_skip(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(
      out, part_of(arguments[0], clamped(arguments[1].a.integer, arguments[0].length), arguments[0].length));
}

Status list_sort(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const Value& list = arguments[0];
  // n log n comparisons; the caller has charged n.
  uint64_t levels = 0;
  for (uint32_t n = list.length; n > 1; n /= 2) {
    levels++;
  }
  if (const Status status = scratch.charge(list.length * levels); status != Status::Ok) {
    return status;
  }
  Value* items = new_items(scratch, list.length);
  if (items == nullptr) {
    return Status::OutOfMemory;
  }
  std::copy(list.a.items, list.a.items + list.length, items);
  // Values that compare equal are equal in every way but for NaN, so a sort that is not stable cannot be told
  // from one that is; it needs no memory.
  std::sort(items, items + list.length, less);
  return give(out, Value::of_list(items, list.length));
}

Status list_smallest(const Scratch&, const Value* arguments, Value* out) noexcept {
  return extreme(arguments[0], less, out);
}

Status list_largest(const Scratch&, const Value* arguments, Value* out) noexcept {
  return extreme(arguments[0], [](const Value& a, const Value& b) { return less(b, a); }, out);
}

Status list_position(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const Value& list = arguments[0];
  for (uint32_t i = 0; i < list.length; i++) {
    bool same = false;
    if (const Status status = equal_charged(scratch, list.a.items[i], arguments[1], false, &same);
        status != Status::Ok) {
      return status;
    }
    if (same) {
      return give(out, Value::of_int(i));
    }
  }
  return give(out, Value::absent());
}

Status list_count(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const Value& list = arguments[0];
  int64_t count = 0;
  for (uint32_t i = 0; i < list.length; i++) {
    bool same = false;
    if (const Status status = equal_charged(scratch, list.a.items[i], arguments[1], false, &same);
        status != Status::Ok) {
      return status;
    }
    count += same ? 1 : 0;
  }
  return give(out, Value::of_int(count));
}

Status list_concat(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const Value& a = arguments[0];
  const Value& b = arguments[1];
  Value* items = new_items(scratch, uint64_t{a.length} + b.length);
  if (items == nullptr) {
    return Status::OutOfMemory;
  }
  std::copy(b.a.items, b.a.items + b.length, std::copy(a.a.items, a.a.items + a.length, items));
  return give(out, Value::of_list(items, a.length + b.length));
}

Status list_flatten(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const Value& lists = arguments[0];
  uint64_t total = 0;
  for (uint32_t i = 0; i < lists.length; i++) {
    total += lists.a.items[i].length;
  }
  if (const Status status = scratch.charge(total); status != Status::Ok) {
    return status;
  }
  Value* items = new_items(scratch, total);
  if (items == nullptr) {
    return Status::OutOfMemory;
  }
  Value* end = items;
  for (uint32_t i = 0; i < lists.length; i++) {
    end = std::copy(lists.a.items[i].a.items, lists.a.items[i].a.items + lists.a.items[i].length, end);
  }
  return give(out, Value::of_list(items, static_cast<uint32_t>(total)));
}

Status list_to_set(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return set_union(scratch, arguments[0], Value::of_list(nullptr, 0), out);
}

Status set_to_list(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, arguments[0]);
}

Status list_range(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const int64_t from = arguments[0].a.integer;
  const int64_t to = arguments[1].a.integer;
  const uint64_t count = to > from ? static_cast<uint64_t>(to) - static_cast<uint64_t>(from) : 0;
  if (const Status status = scratch.charge(count); status != Status::Ok) {
    return status;
  }
  Value* items = new_items(scratch, count);
  if (items == nullptr) {
    return Status::OutOfMemory;
  }
  for (uint64_t i = 0; i < count; i++) {
    items[i] = Value::of_int(from + static_cast<int64_t>(i));
  }
  return give(out, Value::of_list(items, static_cast<uint32_t>(count)));
}

Status map_merge(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const Value& base = arguments[0];
  const Value& more = arguments[1];
  if (const Status status = scratch.charge(uint64_t{base.length} * more.length / 8); status != Status::Ok) {
    return status;
  }
  Entry* entries = scratch.arena->alloc_array<Entry>(uint64_t{base.length} + more.length);
  if (entries == nullptr) {
    return Status::OutOfMemory;
  }
  Entry* end = std::copy(base.a.entries, base.a.entries + base.length, entries);
  for (uint32_t i = 0; i < more.length; i++) {
    const Entry& entry = more.a.entries[i];
    Entry* const place =
        std::find_if(entries, entries + base.length, [&](const Entry& e) { return e.key == entry.key; });
    if (place != entries + base.length) {
      place->value = entry.value;
    } else {
      *end++ = entry;
    }
  }
  return give(out, Value::of_map(entries, static_cast<uint32_t>(end - entries)));
}

Status map_only(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return filtered(scratch, arguments[0], arguments[1], true, out);
}

Status map_without(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return filtered(scratch, arguments[0], arguments[1], false, out);
}

}  // namespace catalyst::value::library
