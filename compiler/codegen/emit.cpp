#include <cstddef>

#include "compiler/codegen/lower.h"

// The small vocabulary of FunctionLowering: values in and out of memory, failures, fuel.

namespace catalyst::codegen {

using ir::ExprId;
using ir::TypeId;
using types::TypeKind;
using value::Kind;
using value::Status;
using value::Value;

namespace {

/// First word of a Value: kind, scale 0, flags 0, length.
uint64_t header(Kind kind) { return static_cast<uint64_t>(kind); }
static_assert(offsetof(Value, kind) == 0 && offsetof(Value, length) == 4 && offsetof(Value, a) == 8 &&
              offsetof(Value, b) == 16);

Kind scalar_kind(TypeKind kind) {
  switch (kind) {
    case TypeKind::Bool:
      return Kind::Bool;
    case TypeKind::Time:
      return Kind::Time;
    case TypeKind::Duration:
      return Kind::Duration;
    case TypeKind::Float:
      return Kind::Float;
    case TypeKind::Bytes:
      return Kind::Bytes;
    case TypeKind::String:
    case TypeKind::Enum:
      return Kind::String;
    default:
      return Kind::Int;
  }
}

}  // namespace

llvm::Value* FunctionLowering::temporary(uint32_t count) {
  llvm::IRBuilder<> entry(allocas_end_);
  auto* type = llvm::ArrayType::get(builder.getInt64Ty(), 3 * uint64_t{count});
  return entry.CreateAlloca(type);
}

void FunctionLowering::store_value(llvm::Value* place, const Operand& operand, TypeId type) {
  auto* words = builder.getInt64Ty();
  if (operand.boxed != nullptr || operand.rep == Rep::Boxed) {
    auto* from = operand.boxed != nullptr ? operand.boxed : operand.first;
    for (uint32_t i = 0; i < 3; i++) {
      builder.CreateStore(builder.CreateLoad(words, builder.CreateConstGEP1_64(words, from, i)),
                          builder.CreateConstGEP1_64(words, place, i));
    }
    return;
  }
  llvm::Value* head = builder.getInt64(header(scalar_kind(unit.kind_of(type))));
  llvm::Value* payload = operand.first;
  if (operand.rep == Rep::Bool) {
    payload = builder.CreateZExt(payload, words);
  }
  if (operand.rep == Rep::Text) {
    head = builder.CreateOr(head, builder.CreateShl(builder.CreateZExt(operand.second, words), 32));
  }
  builder.CreateStore(head, place);
  builder.CreateStore(payload, builder.CreateConstGEP1_64(words, place, 1));
  builder.CreateStore(builder.getInt64(0), builder.CreateConstGEP1_64(words, place, 2));
}

llvm::Value* FunctionLowering::box(const Operand& operand, TypeId type) {
  if (operand.boxed != nullptr) {
    return operand.boxed;
  }
  if (operand.rep == Rep::Boxed) {
    return operand.first;
  }
  auto* place = temporary();
  store_value(place, operand, type);
  return place;
}

Operand FunctionLowering::unbox(llvm::Value* value, TypeId type) {
  Operand result;
  result.rep = unit.rep_of(type);
  result.boxed = value;
  switch (result.rep) {
    case Rep::Bool:
      result.first = builder.CreateICmpNE(load_payload(value, builder.getInt64Ty()), builder.getInt64(0));
      break;
    case Rep::Int:
      result.first = load_payload(value, builder.getInt64Ty());
      break;
    case Rep::Float:
      result.first = load_payload(value, builder.getDoubleTy());
      break;
    case Rep::Text:
      result.first = load_payload(value, builder.getPtrTy());
      result.second = load_length(value);
      break;
    case Rep::Boxed:
      result.first = value;
      break;
  }
  return result;
}

Operand FunctionLowering::coerce(Operand operand, TypeId from, TypeId to) {
  if (operand.rep == unit.rep_of(to)) {
    return operand;
  }
  Operand result = unbox(box(operand, from), to);
  result.literal = operand.literal;
  return result;
}

llvm::Value* FunctionLowering::load_kind(llvm::Value* value) {
  return builder.CreateLoad(builder.getInt8Ty(), value);
}

llvm::Value* FunctionLowering::load_length(llvm::Value* value) {
  auto* address = builder.CreateConstGEP1_64(builder.getInt8Ty(), value, offsetof(Value, length));
  return builder.CreateLoad(builder.getInt32Ty(), address);
}

llvm::Value* FunctionLowering::load_payload(llvm::Value* value, llvm::Type* type) {
  return builder.CreateLoad(type, builder.CreateConstGEP1_64(builder.getInt8Ty(), value, offsetof(Value, a)));
}

llvm::Value* FunctionLowering::is_absent(llvm::Value* value) {
  return builder.CreateICmpEQ(load_kind(value), builder.getInt8(static_cast<uint8_t>(Kind::Absent)));
}

llvm::Value* FunctionLowering::frame_address(size_t offset) {
  return builder.CreateConstInBoundsGEP1_64(builder.getInt8Ty(), frame, offset);
}

llvm::Value* FunctionLowering::frame_field(size_t offset, llvm::Type* type) {
  return builder.CreateLoad(type, frame_address(offset));
}

llvm::BasicBlock* FunctionLowering::block() {
  return llvm::BasicBlock::Create(unit.context, "", builder.GetInsertBlock()->getParent());
}

ErrorSink FunctionLowering::open_sink() {
  ErrorSink result;
  result.block = block();
  result.status = llvm::PHINode::Create(builder.getInt32Ty(), 0, "", result.block);
  result.expr = llvm::PHINode::Create(builder.getInt32Ty(), 0, "", result.block);
  return result;
}

bool FunctionLowering::enter_sink(const ErrorSink& s) {
  if (s.status->getNumIncomingValues() == 0) {
    s.block->eraseFromParent();
    return false;
  }
  s.block->moveAfter(&s.block->getParent()->back());
  builder.SetInsertPoint(s.block);
  return true;
}

void FunctionLowering::fail(llvm::Value* status, llvm::Value* expr) {
  sink.status->addIncoming(status, builder.GetInsertBlock());
  sink.expr->addIncoming(expr, builder.GetInsertBlock());
  builder.CreateBr(sink.block);
}

void FunctionLowering::fail_if(llvm::Value* condition, Status status, ExprId expr) {
  if (auto* constant = llvm::dyn_cast<llvm::ConstantInt>(condition);
      constant != nullptr && constant->isZero()) {
    return;
  }
  auto* next = block();
  sink.status->addIncoming(builder.getInt32(static_cast<uint32_t>(status)), builder.GetInsertBlock());
  sink.expr->addIncoming(id_of(expr), builder.GetInsertBlock());
  builder.CreateCondBr(condition, sink.block, next,
                       llvm::MDBuilder(unit.context).createUnlikelyBranchWeights());
  builder.SetInsertPoint(next);
}

void FunctionLowering::check_status(llvm::Value* status, ExprId expr) {
  auto* next = block();
  sink.status->addIncoming(status, builder.GetInsertBlock());
  sink.expr->addIncoming(id_of(expr), builder.GetInsertBlock());
  auto* ok = builder.CreateICmpEQ(status, builder.getInt32(0));
  builder.CreateCondBr(ok, next, sink.block, llvm::MDBuilder(unit.context).createLikelyBranchWeights());
  builder.SetInsertPoint(next);
}

void FunctionLowering::check_inner_status(llvm::Value* status) {
  auto* next = block();
  auto* failed = block();
  auto* ok = builder.CreateICmpEQ(status, builder.getInt32(0));
  builder.CreateCondBr(ok, next, failed, llvm::MDBuilder(unit.context).createLikelyBranchWeights());
  builder.SetInsertPoint(failed);
  fail(status, frame_field(offsetof(abi::Frame, error_expr), builder.getInt32Ty()));
  builder.SetInsertPoint(next);
}

llvm::Value* FunctionLowering::check_truth(llvm::Value* truth, ExprId expr) {
  auto* next = block();
  auto* failed = block();
  auto* ok = builder.CreateICmpSLT(truth, builder.getInt32(abi::kTruthError));
  builder.CreateCondBr(ok, next, failed, llvm::MDBuilder(unit.context).createLikelyBranchWeights());
  builder.SetInsertPoint(failed);
  fail(builder.CreateSub(truth, builder.getInt32(abi::kTruthError)), id_of(expr));
  builder.SetInsertPoint(next);
  return builder.CreateICmpNE(truth, builder.getInt32(0));
}

/// As value::Scratch::charge: not enough left leaves nothing. `steps` is at most 2^32, so comparing signed
/// also refuses negative fuel.
void FunctionLowering::charge(llvm::Value* steps, ExprId expr) {
  auto* address = frame_address(offsetof(abi::Frame, fuel));
  auto* fuel = builder.CreateLoad(builder.getInt64Ty(), address);
  auto* short_of = builder.CreateICmpSLT(fuel, steps);
  builder.CreateStore(builder.CreateSelect(short_of, builder.getInt64(0), builder.CreateSub(fuel, steps)),
                      address);
  fail_if(short_of, Status::OutOfFuel, expr);
}

llvm::Value* FunctionLowering::call(Host host, llvm::ArrayRef<llvm::Value*> arguments) {
  return builder.CreateCall(unit.host(host), arguments);
}

}  // namespace catalyst::codegen
