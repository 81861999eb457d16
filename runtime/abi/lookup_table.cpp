#include "runtime/abi/lookup_table.h"

#include <algorithm>
#include <compare>
#include <cstring>
#include <utility>

#include "runtime/value/ops.h"

namespace catalyst::abi {

using value::Kind;
using value::Scratch;
using value::Status;
using value::Value;

namespace {

/// Order of values of one column. Floats that are not numbers never get here.
std::strong_ordering compare(const Value& a, const Value& b) noexcept {
  switch (a.kind) {
    case Kind::Bool:
      return a.a.integer <=> b.a.integer;
    case Kind::Float:
      return a.a.real < b.a.real   ? std::strong_ordering::less
             : a.a.real > b.a.real ? std::strong_ordering::greater
                                   : std::strong_ordering::equal;
    case Kind::Ip: {
      unsigned char left[16];
      unsigned char right[16];
      std::memcpy(left, &a.a, 8);
      std::memcpy(left + 8, &a.b, 8);
      std::memcpy(right, &b.a, 8);
      std::memcpy(right + 8, &b.b, 8);
      return std::memcmp(left, right, 16) <=> 0;
    }
    default:
      return value::order(a, b);
  }
}

bool above(const LookupTable::Test& test, const Value& v) noexcept {
  if (test.low == nullptr) {
    return true;
  }
  const auto order = compare(*test.low, v);
  return order < 0 || (order == 0 && test.low_included);
}

bool below(const LookupTable::Test& test, const Value& v) noexcept {
  if (test.high == nullptr) {
    return true;
  }
  const auto order = compare(v, *test.high);
  return order < 0 || (order == 0 && test.high_included);
}

bool is_name(const LookupTable::Test& test) {
  return test.kind == LookupTable::TestKind::Between && test.low != nullptr && test.high != nullptr &&
         test.low->text() == test.high->text();
}

Status holds(const Scratch& scratch, const LookupTable::Test& test, const Value& v, bool* out) noexcept {
  switch (test.kind) {
    case LookupTable::TestKind::Between:
      *out = above(test, v) && below(test, v);
      return Status::Ok;
    case LookupTable::TestKind::Prefix:
      *out = v.text().starts_with(test.low->text());
      return Status::Ok;
    case LookupTable::TestKind::Suffix:
      *out = v.text().ends_with(test.low->text());
      return Status::Ok;
    case LookupTable::TestKind::Contains:
      return value::contains_text(scratch, v.text(), test.low->text(), out);
    case LookupTable::TestKind::Glob:
      return value::glob(scratch, v.text(), test.low->text(), out);
  }
  return Status::Ok;
}

/// Does the cell match a value that is there?
Status matches(const Scratch& scratch, const LookupTable::Cell& cell, const Value& v, bool* out) noexcept {
  bool found = false;
  for (const LookupTable::Test& test : cell.tests) {
    if (const Status status = holds(scratch, test, v, &found); status != Status::Ok) {
      return status;
    }
    if (found) {
      break;
    }
  }
  *out = found != cell.negated;
  return Status::Ok;
}

/// Words worked through a step of fuel.
constexpr uint32_t kWordsPerStep = 16;

}  // namespace

LookupTable::LookupTable(std::vector<Column> columns, uint32_t row_count)
    : row_count_(row_count), words_((row_count + 63) / 64) {
  columns_.reserve(columns.size());
  for (Column& column : columns) {
    Index& index = columns_.emplace_back();
    index.column = std::move(column);
    rows_of_cell_.assign(index.column.cells.size(), {});
    for (uint32_t row = 0; row < row_count_; row++) {
      rows_of_cell_[index.column.rows[row]].push_back(row);
    }
    Bits absent(words_);
    for (uint32_t cell = 0; cell < index.column.cells.size(); cell++) {
      if (index.column.cells[cell].absent) {
        add_rows(cell, absent);
      }
    }
    index.absent = keep(absent);
    index.column.is_text ? build_text(index) : build_ordered(index);
  }
  rows_of_cell_ = {};
}

uint32_t LookupTable::keep(const Bits& bits) {
  bits_.insert(bits_.end(), bits.begin(), bits.end());
  return static_cast<uint32_t>(bits_.size() - words_);
}

void LookupTable::add_rows(uint32_t cell, Bits& bits) const {
  for (const uint32_t row : rows_of_cell_[cell]) {
    bits[row >> 6] |= uint64_t{1} << (row & 63);
  }
}

void LookupTable::build_ordered(Index& index) {
  const std::vector<Cell>& cells = index.column.cells;
  for (const Cell& cell : cells) {
    for (const Test& test : cell.tests) {
      for (const Value* bound : {test.low, test.high}) {
        if (bound != nullptr) {
          index.bounds.push_back(*bound);
        }
      }
    }
  }
  const auto less = [](const Value& a, const Value& b) { return compare(a, b) < 0; };
  std::sort(index.bounds.begin(), index.bounds.end(), less);
  index.bounds.erase(std::unique(index.bounds.begin(), index.bounds.end(),
                                 [](const Value& a, const Value& b) { return compare(a, b) == 0; }),
                     index.bounds.end());
  const auto place = [&](const Value& bound) {
    return static_cast<size_t>(std::lower_bound(index.bounds.begin(), index.bounds.end(), bound, less) -
                               index.bounds.begin());
  };
  std::vector<Bits> regions(2 * index.bounds.size() + 1, Bits(words_));
  Bits unordered(words_);
  std::vector<bool> held(regions.size());
  for (uint32_t cell = 0; cell < cells.size(); cell++) {
    held.assign(regions.size(), cells[cell].negated);
    for (const Test& test : cells[cell].tests) {
      const size_t first = test.low == nullptr ? 0 : 2 * place(*test.low) + (test.low_included ? 1 : 2);
      const size_t last =
          test.high == nullptr ? regions.size() : 2 * place(*test.high) + (test.high_included ? 2 : 1);
      for (size_t i = first; i < last; i++) {
        held[i] = !cells[cell].negated;
      }
    }
    for (size_t i = 0; i < regions.size(); i++) {
      if (held[i]) {
        add_rows(cell, regions[i]);
      }
    }
    if (cells[cell].negated) {
      add_rows(cell, unordered);
    }
  }
  for (const Bits& region : regions) {
    index.regions.push_back(keep(region));
  }
  index.unordered = keep(unordered);
}

void LookupTable::build_text(Index& index) {
  const std::vector<Cell>& cells = index.column.cells;
  std::vector<std::string> names;
  for (const Cell& cell : cells) {
    for (const Test& test : cell.tests) {
      if (is_name(test)) {
        names.emplace_back(test.low->text());
      }
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  index.names = SymbolTable(names);
  std::vector<Bits> named(names.size(), Bits(words_));
  Bits unnamed(words_);
  Arena arena;
  for (uint32_t cell = 0; cell < cells.size(); cell++) {
    const bool only_names = std::all_of(cells[cell].tests.begin(), cells[cell].tests.end(), is_name);
    if (only_names && !cells[cell].negated) {
      for (const Test& test : cells[cell].tests) {
        add_rows(cell, named[static_cast<size_t>(index.names.find(test.low->text()))]);
      }
      continue;
    }
    for (size_t i = 0; i < names.size(); i++) {
      int64_t fuel = INT64_MAX;
      bool found = false;
      if (matches({&arena, &fuel}, cells[cell], Value::of_string(names[i]), &found) == Status::Ok && found) {
        add_rows(cell, named[i]);
      }
    }
    if (only_names) {
      add_rows(cell, unnamed);
    } else {
      Bits bits(words_);
      add_rows(cell, bits);
      index.open.push_back({cell, keep(bits)});
    }
  }
  for (const Bits& bits : named) {
    index.named.push_back(keep(bits));
  }
  index.unnamed = keep(unnamed);
}

/// Takes from `rows` those whose cell does not match.
Status LookupTable::narrow(const Scratch& scratch, const Index& index, const Value& value,
                           uint64_t* rows) const noexcept {
  const auto keep_only = [&](uint32_t bits) {
    for (uint32_t i = 0; i < words_; i++) {
      rows[i] &= bits_[bits + i];
    }
    return Status::Ok;
  };
  if (value.is_absent()) {
    return keep_only(index.absent);
  }
  if (!index.column.is_text) {
    if (value.kind == Kind::Float && value.a.real != value.a.real) {
      return keep_only(index.unordered);
    }
    const auto at = std::lower_bound(index.bounds.begin(), index.bounds.end(), value,
                                     [](const Value& a, const Value& b) { return compare(a, b) < 0; });
    const auto place = static_cast<size_t>(at - index.bounds.begin());
    const bool on_bound = at != index.bounds.end() && compare(*at, value) == 0;
    return keep_only(index.regions[2 * place + (on_bound ? 1 : 0)]);
  }
  const int32_t name = index.names.find(value.text());
  if (name >= 0) {
    return keep_only(index.named[static_cast<size_t>(name)]);
  }
  if (index.open.empty()) {
    return keep_only(index.unnamed);
  }
  uint64_t found[kWordsMax];
  std::copy_n(&bits_[index.unnamed], words_, found);
  if (const Status status = scratch.charge(index.open.size()); status != Status::Ok) {
    return status;
  }
  for (const OpenCell& open : index.open) {
    bool holds = false;
    if (const Status status = matches(scratch, index.column.cells[open.cell], value, &holds);
        status != Status::Ok) {
      return status;
    }
    for (uint32_t i = 0; holds && i < words_; i++) {
      found[i] |= bits_[open.bits + i];
    }
  }
  for (uint32_t i = 0; i < words_; i++) {
    rows[i] &= found[i];
  }
  return Status::Ok;
}

Status LookupTable::match(const Scratch& scratch, const Value* values, uint64_t* rows) const noexcept {
  if (const Status status = scratch.charge(1 + columns_.size() * words_ / kWordsPerStep);
      status != Status::Ok) {
    return status;
  }
  for (uint32_t i = 0; i < words_; i++) {
    rows[i] = i + 1 < words_ || row_count_ % 64 == 0 ? ~uint64_t{0} : (uint64_t{1} << (row_count_ % 64)) - 1;
  }
  for (size_t i = 0; i < columns_.size(); i++) {
    if (const Status status = narrow(scratch, columns_[i], values[i], rows); status != Status::Ok) {
      return status;
    }
  }
  return Status::Ok;
}

Status LookupTable::first(const Scratch& scratch, const Value* values, Value* out) const noexcept {
  uint64_t rows[kWordsMax];
  if (const Status status = match(scratch, values, rows); status != Status::Ok) {
    return status;
  }
  int64_t row = row_count_;
  for (uint32_t i = 0; i < words_; i++) {
    if (rows[i] != 0) {
      row = int64_t{64} * i + __builtin_ctzll(rows[i]);
      break;
    }
  }
  *out = Value::of_int(row);
  return Status::Ok;
}

Status LookupTable::all(const Scratch& scratch, const Value* values, Value* out) const noexcept {
  uint64_t rows[kWordsMax];
  if (const Status status = match(scratch, values, rows); status != Status::Ok) {
    return status;
  }
  uint32_t count = 0;
  for (uint32_t i = 0; i < words_; i++) {
    count += static_cast<uint32_t>(__builtin_popcountll(rows[i]));
  }
  auto* items = scratch.arena->alloc_array<Value>(count);
  if (items == nullptr) {
    return Status::OutOfMemory;
  }
  uint32_t next = 0;
  for (uint32_t i = 0; i < words_; i++) {
    for (uint64_t left = rows[i]; left != 0; left &= left - 1) {
      items[next++] = Value::of_int(int64_t{64} * i + __builtin_ctzll(left));
    }
  }
  *out = Value::of_list(items, count);
  return Status::Ok;
}

}  // namespace catalyst::abi
