#include <cstddef>
#include <cstring>

#include "compiler/codegen/lower.h"

// Constants, inputs, facts, calls.

namespace catalyst::codegen {

using value::Kind;
using value::Status;

/// Constants stay where the module has them; scalars are immediate too.
Operand FunctionLowering::handle_const(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  const value::Value& literal = unit.module.consts[e.payload];
  Operand result;
  result.rep = unit.rep_of(e.type);
  result.literal = &literal;
  result.boxed = unit.constant(e.payload);
  switch (result.rep) {
    case Rep::Bool:
      result.first = builder.getInt1(literal.a.integer != 0);
      break;
    case Rep::Int:
      result.first = builder.getInt64(static_cast<uint64_t>(literal.a.integer));
      break;
    case Rep::Float:
      result.first = llvm::ConstantFP::get(builder.getDoubleTy(), literal.a.real);
      break;
    case Rep::Text: {
      auto* bytes = builder.CreateLoad(
          builder.getPtrTy(),
          unit.place(Place::Consts, uint64_t{e.payload} * sizeof(value::Value) + offsetof(value::Value, a)));
      bytes->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(unit.context, {}));
      result.first = bytes;
      result.second = builder.getInt32(literal.length);
      break;
    }
    case Rep::Boxed:
      result.first = result.boxed;
      break;
  }
  return result;
}

Operand FunctionLowering::handle_local(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  if (e.payload < locals.size() && locals[e.payload].first != nullptr) {
    return locals[e.payload];
  }
  unit.malformed = true;
  return unbox(llvm::PoisonValue::get(builder.getPtrTy()), e.type);
}

/// Slots do not change during an evaluation, so their loads are invariant and are done once.
Operand FunctionLowering::handle_slot(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  auto* slots = frame_field(offsetof(abi::Frame, slots), builder.getPtrTy());
  auto* none = llvm::MDNode::get(unit.context, {});
  llvm::cast<llvm::Instruction>(slots)->setMetadata(llvm::LLVMContext::MD_invariant_load, none);
  auto* value =
      builder.CreateConstInBoundsGEP1_64(builder.getInt8Ty(), slots, e.payload * sizeof(value::Value));
  auto* kind = load_kind(value);
  llvm::cast<llvm::Instruction>(kind)->setMetadata(llvm::LLVMContext::MD_invariant_load, none);
  auto* is_invalid = builder.CreateICmpEQ(kind, builder.getInt8(static_cast<uint8_t>(Kind::Invalid)));
  if (unit.module.types.is_optional(e.type)) {
    fail_if(is_invalid, Status::BadType, id);
  } else {
    static_assert(static_cast<int>(Kind::Absent) == 0 && static_cast<int>(Kind::Invalid) == 1);
    auto* unusable = builder.CreateICmpULT(kind, builder.getInt8(2));
    auto* next = block();
    auto* failed = block();
    builder.CreateCondBr(unusable, failed, next, llvm::MDBuilder(unit.context).createUnlikelyBranchWeights());
    builder.SetInsertPoint(failed);
    fail(builder.CreateSelect(is_invalid, builder.getInt32(static_cast<uint32_t>(Status::BadType)),
                              builder.getInt32(static_cast<uint32_t>(Status::Missing))),
         id_of(id));
    builder.SetInsertPoint(next);
  }
  return unbox(value, e.type);
}

/// The memo of the frame; the fact's own function fills it when it is unset.
Operand FunctionLowering::handle_fact(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  auto* states = frame_field(offsetof(abi::Frame, fact_status), builder.getPtrTy());
  auto* known = builder.CreateLoad(builder.getInt32Ty(),
                                   builder.CreateConstGEP1_64(builder.getInt32Ty(), states, e.payload));
  auto* start = builder.GetInsertBlock();
  auto* ask = block();
  auto* join = block();
  builder.CreateCondBr(builder.CreateICmpEQ(known, builder.getInt32(static_cast<uint32_t>(abi::kFactUnset))),
                       ask, join);
  builder.SetInsertPoint(ask);
  auto* answered = builder.CreateCall(unit.fact(e.payload), {frame});
  builder.CreateBr(join);
  builder.SetInsertPoint(join);
  auto* status = builder.CreatePHI(builder.getInt32Ty(), 2);
  status->addIncoming(known, start);
  status->addIncoming(answered, ask);
  auto* next = block();
  auto* failed = block();
  builder.CreateCondBr(builder.CreateICmpEQ(status, builder.getInt32(0)), next, failed,
                       llvm::MDBuilder(unit.context).createLikelyBranchWeights());
  builder.SetInsertPoint(failed);
  auto* errors = frame_field(offsetof(abi::Frame, fact_error), builder.getPtrTy());
  fail(status, builder.CreateLoad(builder.getInt32Ty(),
                                  builder.CreateConstGEP1_64(builder.getInt32Ty(), errors, e.payload)));
  builder.SetInsertPoint(next);
  auto* facts = frame_field(offsetof(abi::Frame, facts), builder.getPtrTy());
  auto* value = builder.CreateConstGEP1_64(builder.getInt8Ty(), facts, e.payload * sizeof(value::Value));
  return unbox(value, e.type);
}

Operand FunctionLowering::handle_call(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  const ir::Function& function = unit.module.functions[e.payload];
  llvm::SmallVector<llvm::Value*, 8> arguments{frame};
  for (uint32_t i = 0; i < e.operand_count; i++) {
    const Operand argument = coerce(operand(e, i), operand_type(e, i), function.parameters[i]);
    arguments.push_back(argument.first);
    if (argument.rep == Rep::Text) {
      arguments.push_back(argument.second);
    }
  }
  charge(builder.getInt64(1), id);
  auto* result = temporary();
  arguments.push_back(result);
  check_inner_status(builder.CreateCall(unit.function(e.payload), arguments));
  return unbox(result, e.type);
}

}  // namespace catalyst::codegen
