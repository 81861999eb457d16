#include "compiler/ir/lookup.h"

#include <utility>

namespace catalyst::ir {

abi::LookupTable build_lookup(const Module& module, const Table& table) {
  using Table = abi::LookupTable;
  const auto constant = [&](ConstId id) { return id.valid() ? &module.consts[id.index] : nullptr; };
  std::vector<Table::Column> columns;
  for (const TableColumn& column : table.columns) {
    Table::Column& out = columns.emplace_back();
    const types::TypeKind kind = module.types.kind(module.types.strip_optional(column.type));
    out.is_text = kind == types::TypeKind::String || kind == types::TypeKind::Enum;
    out.rows = column.rows;
    for (const TableCell& cell : column.cells) {
      Table::Cell& to = out.cells.emplace_back();
      to.absent = cell.absent;
      to.negated = cell.negated;
      for (const TableTest& test : cell.tests) {
        to.tests.push_back(
            {test.kind, constant(test.low), constant(test.high), test.low_included, test.high_included});
      }
    }
  }
  return Table(std::move(columns), table.row_count);
}

}  // namespace catalyst::ir
