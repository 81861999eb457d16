#include "compiler/codegen/lower.h"
#include "compiler/codegen/words.h"

// Equality and order.

namespace catalyst::codegen {

using ir::Op;
using types::TypeKind;
using value::Status;

Operand FunctionLowering::handle_equality(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  const ir::TypeId type = operand_type(e, 0);
  const Operand a = operand(e, 0);
  const Operand b = coerce(operand(e, 1), operand_type(e, 1), type);
  llvm::Value* same = nullptr;
  switch (a.rep) {
    case Rep::Bool:
    case Rep::Int:
      same = builder.CreateICmpEQ(a.first, b.first);
      break;
    case Rep::Float:
      same = builder.CreateFCmpOEQ(a.first, b.first);
      break;
    case Rep::Text:
      same = equal_text(a, b);
      break;
    case Rep::Boxed: {
      const bool sets = unit.kind_of(unit.module.types.strip_optional(type)) == TypeKind::Set;
      const Host host = sets                                        ? Host::EqualSets
                        : ir::is_composite(unit.module.types, type) ? Host::EqualCharged
                                                                    : Host::Equal;
      auto* truth = call(host, {frame, a.first, b.first});
      same = host == Host::Equal ? builder.CreateICmpNE(truth, builder.getInt32(0)) : check_truth(truth, id);
      break;
    }
  }
  return of_bool(e.op == Op::Eq ? same : builder.CreateNot(same));
}

llvm::Value* FunctionLowering::and_then(llvm::Value* test, llvm::function_ref<llvm::Value*()> more) {
  auto* start = builder.GetInsertBlock();
  auto* next = block();
  auto* done = block();
  builder.CreateCondBr(test, next, done);
  builder.SetInsertPoint(next);
  auto* rest = more();
  auto* end = builder.GetInsertBlock();
  builder.CreateBr(done);
  builder.SetInsertPoint(done);
  auto* answer = builder.CreatePHI(builder.getInt1Ty(), 2);
  answer->addIncoming(builder.getFalse(), start);
  answer->addIncoming(rest, end);
  return answer;
}

llvm::Value* FunctionLowering::equal_text(const Operand& a, const Operand& b) {
  const Operand& constant = a.literal != nullptr ? a : b;
  const Operand& other = a.literal != nullptr ? b : a;
  return and_then(builder.CreateICmpEQ(a.second, b.second), [&]() -> llvm::Value* {
    if (constant.literal != nullptr) {
      return equal_literal(other.first, constant.literal->text());
    }
    return equal_memory(a.first, b.first, a.second);
  });
}

llvm::Value* FunctionLowering::equal_memory(llvm::Value* a, llvm::Value* b, llvm::Value* length) {
  auto* difference = call(Host::Compare, {a, b, builder.CreateZExt(length, builder.getInt64Ty())});
  return builder.CreateICmpEQ(difference, builder.getInt32(0));
}

llvm::Value* FunctionLowering::equal_literal(llvm::Value* text, std::string_view literal) {
  return equal_bytes(builder, text, literal, unit.host(Host::Compare));
}

Operand FunctionLowering::handle_order(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  const Operand a = operand(e, 0);
  const Operand b = operand(e, 1);
  using Predicate = llvm::CmpInst::Predicate;
  const bool is_float = a.rep == Rep::Float;
  const Predicate predicate = e.op == Op::Lt   ? (is_float ? Predicate::FCMP_OLT : Predicate::ICMP_SLT)
                              : e.op == Op::Le ? (is_float ? Predicate::FCMP_OLE : Predicate::ICMP_SLE)
                              : e.op == Op::Gt ? (is_float ? Predicate::FCMP_OGT : Predicate::ICMP_SGT)
                                               : (is_float ? Predicate::FCMP_OGE : Predicate::ICMP_SGE);
  if (is_float || a.rep == Rep::Int) {
    return of_bool(builder.CreateCmp(predicate, a.first, b.first));
  }
  auto* order = call(Host::Order, {box(a, operand_type(e, 0)), box(b, operand_type(e, 1))});
  return of_bool(builder.CreateICmp(predicate, order, builder.getInt32(0)));
}

}  // namespace catalyst::codegen
