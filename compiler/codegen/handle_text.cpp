#include "compiler/codegen/lower.h"

// Tests on strings.

namespace catalyst::codegen {

using ir::Op;

Operand FunctionLowering::handle_affix(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  const Operand text = operand(e, 0);
  const Operand part = operand(e, 1);
  return of_bool(and_then(builder.CreateICmpUGE(text.second, part.second), [&] {
    llvm::Value* begin = text.first;
    if (e.op == Op::EndsWith) {
      auto* skipped = builder.CreateZExt(builder.CreateSub(text.second, part.second), builder.getInt64Ty());
      begin = builder.CreateGEP(builder.getInt8Ty(), begin, skipped);
    }
    return part.literal != nullptr ? equal_literal(begin, part.literal->text())
                                   : equal_memory(begin, part.first, part.second);
  }));
}

Operand FunctionLowering::handle_contains_text(ir::ExprId id) { return handle_test(id, Host::ContainsText); }

Operand FunctionLowering::handle_glob(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  auto* text = boxed_operand(e, 0);
  auto* pattern = unit.constant(e.payload);
  return of_bool(check_truth(call(Host::Glob, {frame, text, pattern}), id));
}

Operand FunctionLowering::handle_regex(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  auto* text = boxed_operand(e, 0);
  auto* truth = call(Host::Regex, {frame, unit.place(Place::Regexes), builder.getInt32(e.payload), text});
  return of_bool(check_truth(truth, id));
}

}  // namespace catalyst::codegen
