#include <algorithm>

#include "compiler/codegen/lower.h"

// Lists, sets, maps, json; everything that works on whole values through the host functions.

namespace catalyst::codegen {

using ir::Op;
using types::TypeKind;
using value::Kind;
using value::Status;
using value::Value;

namespace {

/// Constant lists up to this length are compared in line, longer ones by the host.
constexpr uint32_t kInlineItems = 16;

}  // namespace

Operand FunctionLowering::handle_test(ir::ExprId id, Host host) {
  const ir::Expr& e = expr(id);
  auto* a = boxed_operand(e, 0);
  auto* b = boxed_operand(e, 1);
  return of_bool(check_truth(call(host, {frame, a, b}), id));
}

Operand FunctionLowering::handle_has(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  const Operand collection = operand(e, 0);
  const Operand element = operand(e, 1);
  if (collection.literal != nullptr && has_inline(*collection.literal, element)) {
    charge(builder.getInt64(1 + collection.literal->length / 8), id);
    return of_bool(any_of(*collection.literal, element));
  }
  auto* list = box(collection, operand_type(e, 0));
  auto* item = box(element, operand_type(e, 1));
  return of_bool(check_truth(call(Host::Has, {frame, list, item}), id));
}

bool FunctionLowering::has_inline(const Value& list, const Operand& element) {
  const Kind kind = element.rep == Rep::Text ? Kind::String : Kind::Int;
  return list.kind == Kind::List && list.length <= kInlineItems &&
         (element.rep == Rep::Text || element.rep == Rep::Int) &&
         std::all_of(list.a.items, list.a.items + list.length,
                     [&](const Value& v) { return v.kind == kind; });
}

/// Is `element` one of the constant items, all of its kind?
llvm::Value* FunctionLowering::any_of(const Value& list, const Operand& element) {
  auto* done = block();
  auto* answer = llvm::PHINode::Create(builder.getInt1Ty(), list.length + 1, "", done);
  for (uint32_t i = 0; i < list.length; i++) {
    const Value& item = list.a.items[i];
    Operand constant{element.rep};
    constant.literal = &item;
    constant.second = builder.getInt32(item.length);
    auto* same =
        element.rep == Rep::Text
            ? equal_text(element, constant)
            : builder.CreateICmpEQ(element.first, builder.getInt64(static_cast<uint64_t>(item.a.integer)));
    auto* next = block();
    answer->addIncoming(builder.getTrue(), builder.GetInsertBlock());
    builder.CreateCondBr(same, done, next);
    builder.SetInsertPoint(next);
  }
  answer->addIncoming(builder.getFalse(), builder.GetInsertBlock());
  builder.CreateBr(done);
  builder.SetInsertPoint(done);
  return answer;
}

Operand FunctionLowering::handle_combine(ir::ExprId id, Host host) {
  const ir::Expr& e = expr(id);
  auto* a = boxed_operand(e, 0);
  auto* b = boxed_operand(e, 1);
  auto* out = temporary();
  check_status(call(host, {frame, a, b, out}), id);
  return {Rep::Boxed, out};
}

Operand FunctionLowering::handle_field(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  auto* record = boxed_operand(e, 0);
  auto* out = temporary();
  call(Host::Field, {record, unit.constant(e.payload), out});
  if (!unit.module.types.is_optional(e.type)) {
    fail_if(is_absent(out), Status::Missing, id);
  }
  return unbox(out, e.type);
}

Operand FunctionLowering::handle_index(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  auto* collection = boxed_operand(e, 0);
  auto* at = boxed_operand(e, 1);
  auto* out = temporary();
  call(Host::Index, {collection, at, out});
  return unbox(out, e.type);
}

Operand FunctionLowering::handle_cast(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  auto* from = boxed_operand(e, 0);
  auto* out = temporary();
  check_status(call(Host::Cast, {frame, unit.place(Place::Types), builder.getInt32(e.type.index), from, out}),
               id);
  return unbox(out, e.type);
}

Operand FunctionLowering::handle_variadic(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  auto* items = temporary(std::max(e.operand_count, 1u));
  for (uint32_t i = 0; i < e.operand_count; i++) {
    const Operand item = operand(e, i);
    store_value(builder.CreateConstGEP1_64(builder.getInt8Ty(), items, i * sizeof(Value)), item,
                operand_type(e, i));
  }
  auto* out = temporary();
  if (e.op == Op::Builtin) {
    check_status(
        call(Host::Builtin, {frame, unit.place(Place::Regexes), builder.getInt32(e.payload), items, out}),
        id);
    return unbox(out, e.type);
  }
  const Host host = e.op == Op::Interpolate                 ? Host::Interpolate
                    : e.op == Op::MakeMap                   ? Host::MakeMap
                    : unit.kind_of(e.type) == TypeKind::Set ? Host::MakeSet
                                                            : Host::MakeList;
  check_status(call(host, {frame, items, builder.getInt32(e.operand_count), out}), id);
  return unbox(out, e.type);
}

}  // namespace catalyst::codegen
