#include "compiler/codegen/lower.h"

// Connectives, choices, presence.

namespace catalyst::codegen {

using value::Status;

/// Kleene and/or, each side evaluated at most once: a failed left side is remembered while the right one is
/// asked, which may still decide.
Operand FunctionLowering::handle_connective(ir::ExprId id, bool decisive) {
  const ir::Expr& e = expr(id);
  const ErrorSink outer = sink;
  const ErrorSink left_sink = open_sink();
  sink = left_sink;
  auto* left = condition(e, 0);
  sink = outer;
  auto* left_end = builder.GetInsertBlock();
  auto* ask_right = block();
  auto* done = block();
  builder.CreateCondBr(left, decisive ? done : ask_right, decisive ? ask_right : done);

  llvm::PHINode* pending = nullptr;
  llvm::PHINode* pending_expr = nullptr;
  if (enter_sink(left_sink)) {
    builder.CreateBr(ask_right);
    builder.SetInsertPoint(ask_right);
    pending = builder.CreatePHI(builder.getInt32Ty(), 2);
    pending_expr = builder.CreatePHI(builder.getInt32Ty(), 2);
    pending->addIncoming(builder.getInt32(0), left_end);
    pending->addIncoming(left_sink.status, left_sink.block);
    pending_expr->addIncoming(builder.getInt32(0), left_end);
    pending_expr->addIncoming(left_sink.expr, left_sink.block);
  }
  builder.SetInsertPoint(ask_right);
  llvm::Value* right = nullptr;
  if (pending == nullptr) {
    right = condition(e, 1);
  } else {
    const ErrorSink right_sink = open_sink();
    sink = right_sink;
    right = condition(e, 1);
    sink = outer;
    auto* is_pending = builder.CreateICmpNE(pending, builder.getInt32(0));
    auto* decided = decisive ? right : builder.CreateNot(right);
    auto* next = block();
    sink.status->addIncoming(pending, builder.GetInsertBlock());
    sink.expr->addIncoming(pending_expr, builder.GetInsertBlock());
    builder.CreateCondBr(builder.CreateAnd(is_pending, builder.CreateNot(decided)), sink.block, next);
    if (enter_sink(right_sink)) {
      auto* first = builder.CreateICmpNE(pending, builder.getInt32(0));
      fail(builder.CreateSelect(first, pending, right_sink.status),
           builder.CreateSelect(first, pending_expr, right_sink.expr));
    }
    builder.SetInsertPoint(next);
  }
  auto* right_end = builder.GetInsertBlock();
  builder.CreateBr(done);
  builder.SetInsertPoint(done);
  auto* answer = builder.CreatePHI(builder.getInt1Ty(), 2);
  answer->addIncoming(builder.getInt1(decisive), left_end);
  answer->addIncoming(right, right_end);
  return of_bool(answer);
}

Operand FunctionLowering::join(ir::TypeId type, llvm::ArrayRef<std::pair<llvm::BasicBlock*, Operand>> ways) {
  Operand result;
  result.rep = unit.rep_of(type);
  const auto merge = [&](llvm::Value* Operand::* part) {
    auto* phi = builder.CreatePHI((ways[0].second.*part)->getType(), static_cast<unsigned>(ways.size()));
    for (const auto& [from, operand] : ways) {
      phi->addIncoming(operand.*part, from);
    }
    return phi;
  };
  result.first = merge(&Operand::first);
  if (result.rep == Rep::Text) {
    result.second = merge(&Operand::second);
  }
  return result;
}

Operand FunctionLowering::handle_if(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  auto* test = condition(e, 0);
  auto* yes = block();
  auto* no = block();
  auto* done = block();
  builder.CreateCondBr(test, yes, no);
  std::pair<llvm::BasicBlock*, Operand> ways[2];
  for (uint32_t i = 0; i < 2; i++) {
    builder.SetInsertPoint(i == 0 ? yes : no);
    ways[i].second = coerce(operand(e, i + 1), operand_type(e, i + 1), e.type);
    ways[i].first = builder.GetInsertBlock();
    builder.CreateBr(done);
  }
  builder.SetInsertPoint(done);
  return join(e.type, ways);
}

Operand FunctionLowering::handle_coalesce(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  const Operand left = operand(e, 0);
  if (left.rep != Rep::Boxed) {
    return coerce(left, operand_type(e, 0), e.type);
  }
  auto* present = block();
  auto* absent = block();
  auto* done = block();
  builder.CreateCondBr(is_absent(left.first), absent, present);
  std::pair<llvm::BasicBlock*, Operand> ways[2];
  builder.SetInsertPoint(present);
  ways[0].second = coerce(left, operand_type(e, 0), e.type);
  ways[0].first = builder.GetInsertBlock();
  builder.CreateBr(done);
  builder.SetInsertPoint(absent);
  ways[1].second = coerce(operand(e, 1), operand_type(e, 1), e.type);
  ways[1].first = builder.GetInsertBlock();
  builder.CreateBr(done);
  builder.SetInsertPoint(done);
  return join(e.type, ways);
}

Operand FunctionLowering::handle_is_present(ir::ExprId id) {
  const Operand x = operand(expr(id), 0);
  return of_bool(x.rep == Rep::Boxed ? builder.CreateNot(is_absent(x.first)) : builder.getTrue());
}

Operand FunctionLowering::handle_unwrap(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  const Operand x = operand(e, 0);
  if (x.rep == Rep::Boxed) {
    fail_if(is_absent(x.first), Status::Missing, id);
  }
  return coerce(x, operand_type(e, 0), e.type);
}

}  // namespace catalyst::codegen
