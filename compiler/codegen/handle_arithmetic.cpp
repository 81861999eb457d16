#include "compiler/codegen/lower.h"

// Numbers, times and durations.

namespace catalyst::codegen {

using ir::Op;
using types::TypeKind;
using value::Status;

Operand FunctionLowering::handle_negate(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  const Operand x = operand(e, 0);
  switch (x.rep) {
    case Rep::Float:
      return {Rep::Float, builder.CreateFNeg(x.first)};
    case Rep::Int: {
      auto* result =
          builder.CreateBinaryIntrinsic(llvm::Intrinsic::ssub_with_overflow, builder.getInt64(0), x.first);
      fail_if(builder.CreateExtractValue(result, 1), Status::Overflow, id);
      return {Rep::Int, builder.CreateExtractValue(result, 0)};
    }
    case Rep::Bool:
    case Rep::Text:
    case Rep::Boxed:
      break;
  }
  auto* out = temporary();
  check_status(call(Host::DecimalNeg, {frame, box(x, operand_type(e, 0)), out}), id);
  return {Rep::Boxed, out};
}

Operand FunctionLowering::handle_arithmetic(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  const Operand a = operand(e, 0);
  const Operand b = operand(e, 1);
  if (a.rep == Rep::Int) {
    return handle_int_arithmetic(id, a.first, b.first);
  }
  if (a.rep == Rep::Float) {
    return handle_float_arithmetic(id, a.first, b.first);
  }
  const Host host = e.op == Op::Add   ? Host::DecimalAdd
                    : e.op == Op::Sub ? Host::DecimalSub
                    : e.op == Op::Mul ? Host::DecimalMul
                    : e.op == Op::Div ? Host::DecimalDiv
                                      : Host::DecimalRem;
  auto* out = temporary();
  check_status(call(host, {frame, box(a, operand_type(e, 0)), box(b, operand_type(e, 1)), out}), id);
  return {Rep::Boxed, out};
}

Operand FunctionLowering::handle_int_arithmetic(ir::ExprId id, llvm::Value* a, llvm::Value* b) {
  const auto checked = [&](llvm::Intrinsic::ID intrinsic) {
    auto* result = builder.CreateBinaryIntrinsic(intrinsic, a, b);
    fail_if(builder.CreateExtractValue(result, 1), Status::Overflow, id);
    return Operand{Rep::Int, builder.CreateExtractValue(result, 0)};
  };
  const Op op = expr(id).op;
  if (op == Op::Add) {
    return checked(llvm::Intrinsic::sadd_with_overflow);
  }
  if (op == Op::Sub) {
    return checked(llvm::Intrinsic::ssub_with_overflow);
  }
  if (op == Op::Mul) {
    return checked(llvm::Intrinsic::smul_with_overflow);
  }
  fail_if(builder.CreateICmpEQ(b, builder.getInt64(0)), Status::DivisionByZero, id);
  // The one quotient that does not fit is INT64_MIN / -1, which traps on x86: divide by 1 there and negate.
  auto* is_minus_one = builder.CreateICmpEQ(b, builder.getInt64(UINT64_MAX));
  auto* divisor = builder.CreateSelect(is_minus_one, builder.getInt64(1), b);
  if (op == Op::Rem) {
    return {Rep::Int, builder.CreateSRem(a, divisor)};
  }
  auto* negated = builder.CreateBinaryIntrinsic(llvm::Intrinsic::ssub_with_overflow, builder.getInt64(0), a);
  fail_if(builder.CreateAnd(is_minus_one, builder.CreateExtractValue(negated, 1)), Status::Overflow, id);
  return {Rep::Int, builder.CreateSelect(is_minus_one, builder.CreateExtractValue(negated, 0),
                                         builder.CreateSDiv(a, divisor))};
}

Operand FunctionLowering::handle_float_arithmetic(ir::ExprId id, llvm::Value* a, llvm::Value* b) {
  switch (expr(id).op) {
    case Op::Add:
      return {Rep::Float, builder.CreateFAdd(a, b)};
    case Op::Sub:
      return {Rep::Float, builder.CreateFSub(a, b)};
    case Op::Mul:
      return {Rep::Float, builder.CreateFMul(a, b)};
    case Op::Div:
      return {Rep::Float, builder.CreateFDiv(a, b)};
    default:
      return {Rep::Float, call(Host::FloatRemainder, {a, b})};
  }
}

Operand FunctionLowering::handle_widen(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  const Operand x = operand(e, 0);
  if (e.op == Op::IntToFloat) {
    return {Rep::Float, builder.CreateSIToFP(x.first, builder.getDoubleTy())};
  }
  if (e.op == Op::DecimalToFloat) {
    return {Rep::Float, call(Host::DecimalToFloat, {box(x, operand_type(e, 0))})};
  }
  auto* out = temporary();
  call(Host::DecimalFromInt, {x.first, out});
  return {Rep::Boxed, out};
}

}  // namespace catalyst::codegen
