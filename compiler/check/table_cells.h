#pragma once

#include <string>
#include <unordered_map>

#include "compiler/check/pack.h"

namespace catalyst::check {

/// Reads the cells of one column, one row after the other, into the column; equal cells are kept once.
class CellReader {
 public:
  CellReader(Pack& pack, ir::TableColumn& column)
      : pack_(pack), column_(column), type_(pack.types.strip_optional(column.type)) {}

  /// Adds the cell of the next row. False when it matches only values that are there.
  bool read(const ast::Cell& cell);

 private:
  void add_test(const ast::CellTest& test, ir::TableCell& out, bool& everything);
  /// The constant of a cell; invalid after a diagnostic.
  ir::ConstId constant(const ast::Expr& expr, TypeId type);
  void add_order(const ast::CellTest& test, ir::TableCell& out);
  void add_range(const ast::CellTest& test, ir::TableCell& out);
  void add_text(const ast::CellTest& test, ir::TableCell& out);
  void add_members(const ast::CellTest& test, ir::TableCell& out);
  bool needs(bool fits, const ast::CellTest& test, std::string_view what);

  Pack& pack_;
  ir::TableColumn& column_;
  TypeId type_;  // without `?`
  std::unordered_map<std::string, uint32_t> known_;
};

}  // namespace catalyst::check
