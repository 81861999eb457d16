#include "compiler/ir/verify_decisions.h"

#include <algorithm>

namespace catalyst::ir {

using types::TypeKind;

bool is_column(TypeKind kind) {
  switch (kind) {
    case TypeKind::Bool:
    case TypeKind::Int:
    case TypeKind::Decimal:
    case TypeKind::Float:
    case TypeKind::String:
    case TypeKind::Time:
    case TypeKind::Duration:
    case TypeKind::Ip:
    case TypeKind::Enum:
      return true;
    case TypeKind::Error:
    case TypeKind::Bytes:
    case TypeKind::Json:
    case TypeKind::Record:
    case TypeKind::List:
    case TypeKind::Set:
    case TypeKind::Map:
    case TypeKind::Optional:
      return false;
  }
  return false;
}

namespace {

class Checker {
 public:
  explicit Checker(const Module& module) : m_(module) {}

  std::string run() const {
    for (size_t i = 0; i < m_.tables.size(); i++) {
      if (!is_sound(m_.tables[i])) {
        return "table " + std::to_string(i) + " is malformed";
      }
    }
    for (const Decision& decision : m_.decisions) {
      if (!is_sound(decision)) {
        return "decision " + decision.name + " is malformed";
      }
    }
    return {};
  }

 private:
  [[nodiscard]] bool is_bound(ConstId id, TypeId type) const {
    return !id.valid() || (id.index < m_.consts.size() && m_.const_types[id.index] == type);
  }

  [[nodiscard]] bool is_sound(const TableTest& test, TypeId type) const {
    switch (test.kind) {
      case TableTest::Kind::Between:
        return is_bound(test.low, type) && is_bound(test.high, type);
      case TableTest::Kind::Prefix:
      case TableTest::Kind::Suffix:
      case TableTest::Kind::Contains:
      case TableTest::Kind::Glob:
        return m_.types.kind(type) == TypeKind::String && test.low.valid() && is_bound(test.low, type);
    }
    return false;
  }

  [[nodiscard]] bool is_sound(const TableColumn& column, uint32_t rows) const {
    if (column.type.index >= m_.types.size() || column.rows.size() != rows) {
      return false;
    }
    const TypeId type = m_.types.strip_optional(column.type);
    return is_column(m_.types.kind(type)) &&
           std::all_of(column.rows.begin(), column.rows.end(),
                       [&](uint32_t cell) { return cell < column.cells.size(); }) &&
           std::all_of(column.cells.begin(), column.cells.end(), [&](const TableCell& cell) {
             return std::all_of(cell.tests.begin(), cell.tests.end(),
                                [&](const TableTest& test) { return is_sound(test, type); });
           });
  }

  [[nodiscard]] bool is_sound(const Table& table) const {
    return table.row_count > 0 && table.row_count <= kMaxTableRows && !table.columns.empty() &&
           table.columns.size() <= abi::LookupTable::kMaxColumns &&
           std::all_of(table.columns.begin(), table.columns.end(),
                       [&](const TableColumn& column) { return is_sound(column, table.row_count); });
  }

  [[nodiscard]] bool is_sound(const Decision& decision) const {
    if (decision.function.index >= m_.functions.size() || decision.call.index >= m_.exprs.size() ||
        decision.chooser.index >= m_.exprs.size()) {
      return false;
    }
    const Expr& call = m_.expr(decision.call);
    if (call.op != Op::CallFn || call.payload != decision.function.index ||
        call.operand_count != decision.parameters.size()) {
      return false;
    }
    for (uint32_t i = 0; i < call.operand_count; i++) {
      const Expr& argument = m_.expr(m_.operand(call, i));
      if (argument.op != Op::Slot || m_.slots[argument.payload].root != abi::InputRoot::Argument) {
        return false;
      }
    }
    return chooses(m_.expr(decision.chooser), decision);
  }

  [[nodiscard]] bool chooses(const Expr& chooser, const Decision& decision) const {
    switch (chooser.op) {
      case Op::FirstTrue:
        return chooser.operand_count == decision.rows.size();
      case Op::Lookup:
      case Op::LookupAll:
        return m_.tables[chooser.payload].row_count == decision.rows.size();
      default:
        return false;
    }
  }

  const Module& m_;
};

}  // namespace

std::string decisions_problem(const Module& module) { return Checker(module).run(); }

}  // namespace catalyst::ir
