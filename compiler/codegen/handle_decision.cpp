#include <llvm/IR/Constants.h>

#include "compiler/codegen/lower.h"
#include "runtime/abi/lookup_table.h"

// What decisions are made of: conditions in order, tables, and the choice of one value among many.

namespace catalyst::codegen {

using ir::Op;
using value::Status;
using value::Value;

namespace {

/// From here on the values of a choice, when all are constants, become a table instead of a branch each.
constexpr uint32_t kTableFrom = 4;

}  // namespace

Operand FunctionLowering::handle_switch(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  const uint32_t count = e.operand_count - 1;
  auto* which = operand(e, 0).first;
  fail_if(builder.CreateICmpUGE(which, builder.getInt64(count)), Status::Missing, id);
  bool constant = count >= kTableFrom;
  for (uint32_t i = 0; constant && i < count; i++) {
    constant = expr(operand_id(e, i + 1)).op == Op::Const;
  }
  if (constant) {
    return unbox(constant_at(e, which), e.type);
  }
  auto* none = block();
  auto* done = block();
  auto* choice = builder.CreateSwitch(which, none, count);
  std::vector<std::pair<llvm::BasicBlock*, Operand>> ways(count);
  for (uint32_t i = 0; i < count; i++) {
    auto* way = block();
    choice->addCase(builder.getInt64(i), way);
    builder.SetInsertPoint(way);
    ways[i].second = coerce(operand(e, i + 1), operand_type(e, i + 1), e.type);
    ways[i].first = builder.GetInsertBlock();
    builder.CreateBr(done);
  }
  builder.SetInsertPoint(none);
  builder.CreateUnreachable();
  builder.SetInsertPoint(done);
  return join(e.type, ways);
}

/// The place of constant `which` among the operands behind the first.
llvm::Value* FunctionLowering::constant_at(const ir::Expr& e, llvm::Value* which) {
  std::vector<llvm::Constant*> places;
  for (uint32_t i = 1; i < e.operand_count; i++) {
    places.push_back(unit.constant(expr(operand_id(e, i)).payload));
  }
  auto* type = llvm::ArrayType::get(builder.getPtrTy(), places.size());
  auto* table =
      new llvm::GlobalVariable(unit.out, type, /*isConstant=*/true, llvm::GlobalValue::PrivateLinkage,
                               llvm::ConstantArray::get(type, places));
  return builder.CreateLoad(builder.getPtrTy(), builder.CreateInBoundsGEP(builder.getPtrTy(), table, which));
}

Operand FunctionLowering::handle_first_true(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  auto* done = block();
  std::vector<std::pair<llvm::BasicBlock*, llvm::Value*>> ways;
  for (uint32_t i = 0; i < e.operand_count; i++) {
    auto* holds = condition(e, i);
    auto* next = block();
    ways.emplace_back(builder.GetInsertBlock(), builder.getInt64(i));
    builder.CreateCondBr(holds, done, next);
    builder.SetInsertPoint(next);
  }
  ways.emplace_back(builder.GetInsertBlock(), builder.getInt64(e.operand_count));
  builder.CreateBr(done);
  builder.SetInsertPoint(done);
  auto* index = builder.CreatePHI(builder.getInt64Ty(), static_cast<unsigned>(ways.size()));
  for (const auto& [from, number] : ways) {
    index->addIncoming(number, from);
  }
  Operand result;
  result.rep = Rep::Int;
  result.first = index;
  return result;
}

Operand FunctionLowering::handle_lookup(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  auto* values = temporary(e.operand_count);
  for (uint32_t i = 0; i < e.operand_count; i++) {
    const Operand value = operand(e, i);
    store_value(builder.CreateConstGEP1_64(builder.getInt8Ty(), values, i * sizeof(Value)), value,
                operand_type(e, i));
  }
  auto* out = temporary();
  const Host host = e.op == Op::Lookup ? Host::Lookup : Host::LookupAll;
  check_status(call(host, {frame, unit.place(Place::Tables, uint64_t{e.payload} * sizeof(abi::LookupTable)),
                           values, out}),
               id);
  return unbox(out, e.type);
}

}  // namespace catalyst::codegen
