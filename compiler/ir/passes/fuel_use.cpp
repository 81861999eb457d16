#include "compiler/ir/passes/fuel_use.h"

namespace catalyst::ir {

namespace {

/// A value that no content of a request makes long.
bool is_bounded(const Module& module, ExprId id) {
  const Expr& e = module.expr(id);
  return e.op == Op::Const || (e.op == Op::Slot && abi::input_root_trusted(module.slots[e.payload].root));
}

}  // namespace

bool spends_little(const Module& module, ExprId condition) {
  const Expr& e = module.expr(condition);
  const auto operand = [&](uint32_t i) { return module.operand(e, i); };
  bool operands = true;
  for (uint32_t i = 0; i < e.operand_count; ++i) {
    operands = operands && spends_little(module, operand(i));
  }
  switch (e.op) {
    case Op::Const:
    case Op::Slot:
    case Op::Fact:  // has fuel of its own
    case Op::And:
    case Op::Or:
    case Op::Not:
    case Op::Unwrap:
    case Op::Coalesce:
    case Op::IsPresent:
    case Op::Lt:
    case Op::Le:
    case Op::Gt:
    case Op::Ge:
    case Op::StartsWith:
    case Op::EndsWith:
    case Op::StringContains:
      return operands;
    case Op::Eq:
    case Op::Ne:
      return operands && (is_bounded(module, operand(0)) || is_bounded(module, operand(1)));
    case Op::Has:
      return operands && is_bounded(module, operand(0));
    default:
      return false;
  }
}

}  // namespace catalyst::ir
