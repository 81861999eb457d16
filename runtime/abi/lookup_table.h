#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/abi/symbol_table.h"
#include "runtime/value/scratch.h"
#include "runtime/value/value.h"

namespace catalyst::abi {

/// The rows of a decision table, made so that finding the ones that match does not ask each of them: every
/// column turns its value into a bit set of rows with one search (a binary search among the bounds that its
/// cells mention, or a hash look-up among the texts), and the sets are intersected. Immutable after it is
/// built, thread-safe, allocates nothing to answer. A value is of its column's type, or Absent.
class LookupTable {
 public:
  static constexpr uint32_t kMaxRows = 4096;  // a column takes at most (2 x bounds + 1) x rows bits
  static constexpr uint32_t kMaxColumns = 32;

  enum class TestKind : uint8_t { Between, Prefix, Suffix, Contains, Glob };
  struct Test {
    TestKind kind = TestKind::Between;
    const value::Value* low = nullptr;  // Between: nullptr is open. The others: the text
    const value::Value* high = nullptr;
    bool low_included = true;
    bool high_included = true;
  };
  struct Cell {
    bool absent = false;
    bool negated = false;
    std::vector<Test> tests;
  };
  struct Column {
    bool is_text = false;
    std::vector<Cell> cells;
    std::vector<uint32_t> rows;  // each row's cell
  };

  /// Values behind pointers must outlive the table.
  LookupTable(std::vector<Column> columns, uint32_t row_count);

  /// `*out`: the index of the first row that matches, the number of rows when none does, as int.
  value::Status first(const value::Scratch& scratch, const value::Value* values,
                      value::Value* out) const noexcept;
  /// `*out`: the indexes of all rows that match, as list<int> in the arena.
  value::Status all(const value::Scratch& scratch, const value::Value* values,
                    value::Value* out) const noexcept;

  [[nodiscard]] uint32_t row_count() const { return row_count_; }

 private:
  static constexpr uint32_t kWordsMax = kMaxRows / 64;

  /// A cell that a text which no cell names must be asked about.
  struct OpenCell {
    uint32_t cell = 0;
    uint32_t bits = 0;
  };
  struct Index {
    Column column;
    uint32_t absent = 0;  // in bits_
    // Not text: bounds ascending; regions[2i] lies below bound i, regions[2i + 1] is bound i, the last is
    // above all.
    std::vector<value::Value> bounds;
    std::vector<uint32_t> regions;
    uint32_t unordered = 0;  // not a number
    // Text
    SymbolTable names;
    std::vector<uint32_t> named;
    uint32_t unnamed = 0;  // rows of the cells that hold for a text without asking further
    std::vector<OpenCell> open;
  };

  using Bits = std::vector<uint64_t>;
  uint32_t keep(const Bits& bits);
  void add_rows(uint32_t cell, Bits& bits) const;
  void build_ordered(Index& index);
  void build_text(Index& index);
  value::Status narrow(const value::Scratch& scratch, const Index& index, const value::Value& value,
                       uint64_t* rows) const noexcept;
  value::Status match(const value::Scratch& scratch, const value::Value* values,
                      uint64_t* rows) const noexcept;

  std::vector<Index> columns_;
  uint32_t row_count_;
  uint32_t words_;
  std::vector<uint64_t> bits_;
  std::vector<std::vector<uint32_t>> rows_of_cell_;  // while a column is built
};

}  // namespace catalyst::abi
