#include <cstddef>

#include "compiler/codegen/lower.h"

// Loops over collections. Each turn costs a step of fuel.

namespace catalyst::codegen {

using types::TypeKind;
using value::Entry;
using value::Kind;
using value::Status;
using value::Value;

/// The blocks of a loop. `turn` starts a turn with element `index`; `end` follows the last one.
struct FunctionLowering::Loop {
  llvm::BasicBlock* before = nullptr;
  llvm::BasicBlock* head = nullptr;
  llvm::BasicBlock* end = nullptr;
  llvm::PHINode* index = nullptr;
  llvm::Value* items = nullptr;
};

namespace {

/// Where a std::string_view keeps its pointer and its length.
struct TextLayout {
  size_t data;
  size_t size;
};
TextLayout text_layout() {
  static const TextLayout layout = [] {
    static const char kText[3] = {};
    const std::string_view probe(kText, 3);
    uint64_t words[2];
    static_assert(sizeof probe == sizeof words);
    __builtin_memcpy(words, &probe, sizeof words);
    return words[0] == 3 ? TextLayout{8, 0} : TextLayout{0, 8};
  }();
  return layout;
}

}  // namespace

/// Opens the loop and its head; the caller adds phis there, then calls start_turn.
FunctionLowering::Loop FunctionLowering::open_loop(llvm::Value* collection) {
  Loop loop;
  loop.items = load_payload(collection, builder.getPtrTy());
  loop.before = builder.GetInsertBlock();
  loop.head = block();
  loop.end = block();
  builder.CreateBr(loop.head);
  builder.SetInsertPoint(loop.head);
  loop.index = builder.CreatePHI(builder.getInt32Ty(), 2);
  loop.index->addIncoming(builder.getInt32(0), loop.before);
  return loop;
}

void FunctionLowering::start_turn(const Loop& loop, llvm::Value* length) {
  auto* turn = block();
  builder.CreateCondBr(builder.CreateICmpULT(loop.index, length), turn, loop.end);
  builder.SetInsertPoint(turn);
}

/// Puts the element of this turn into the loop's local, or key and value of the entry into both of them.
void FunctionLowering::bind_element(const ir::Expr& e, const Loop& loop) {
  const types::Type& type = unit.module.types.get(unit.module.types.strip_optional(operand_type(e, 0)));
  auto* index = builder.CreateZExt(loop.index, builder.getInt64Ty());
  if (type.kind != TypeKind::Map) {
    auto* words = llvm::ArrayType::get(builder.getInt8Ty(), sizeof(Value));
    locals[e.payload] = unbox(builder.CreateGEP(words, loop.items, index), type.element);
    return;
  }
  auto* words = llvm::ArrayType::get(builder.getInt8Ty(), sizeof(Entry));
  auto* entry = builder.CreateGEP(words, loop.items, index);
  const TextLayout layout = text_layout();
  const auto field = [&](size_t offset, llvm::Type* as) {
    return builder.CreateLoad(as, builder.CreateConstGEP1_64(builder.getInt8Ty(), entry, offset));
  };
  Operand& key = locals[e.payload];
  key = Operand{Rep::Text, field(offsetof(Entry, key) + layout.data, builder.getPtrTy())};
  key.second = builder.CreateTrunc(field(offsetof(Entry, key) + layout.size, builder.getInt64Ty()),
                                   builder.getInt32Ty());
  auto* value = builder.CreateConstGEP1_64(builder.getInt8Ty(), entry, offsetof(Entry, value));
  locals[e.payload + 1] = unbox(value, type.element);
}

void FunctionLowering::unbind_element(const ir::Expr& e) {
  locals[e.payload] = {};
  if (unit.kind_of(unit.module.types.strip_optional(operand_type(e, 0))) == TypeKind::Map) {
    locals[e.payload + 1] = {};
  }
}

/// Or (and) over the elements: stops at the first that decides, else the first failure is the answer. Running
/// out of fuel ends it.
Operand FunctionLowering::handle_quantifier(ir::ExprId id, bool decisive) {
  const ir::Expr& e = expr(id);
  auto* collection = boxed_operand(e, 0);
  auto* length = load_length(collection);
  const ErrorSink outer = sink;
  auto* done = block();
  Loop loop = open_loop(collection);
  auto* pending = builder.CreatePHI(builder.getInt32Ty(), 3);
  auto* pending_expr = builder.CreatePHI(builder.getInt32Ty(), 3);
  pending->addIncoming(builder.getInt32(0), loop.before);
  pending_expr->addIncoming(builder.getInt32(0), loop.before);
  start_turn(loop, length);

  const auto fail_first = [&](llvm::Value* status, llvm::Value* at) {
    auto* is_pending = builder.CreateICmpNE(pending, builder.getInt32(0));
    fail(builder.CreateSelect(is_pending, pending, status),
         builder.CreateSelect(is_pending, pending_expr, at));
  };
  const ErrorSink fuel_sink = open_sink();
  sink = fuel_sink;
  charge(builder.getInt64(1), id);
  bind_element(e, loop);
  const ErrorSink element_sink = open_sink();
  sink = element_sink;
  auto* truth = condition(e, 1);
  unbind_element(e);
  sink = outer;
  auto* decided_from = builder.GetInsertBlock();
  auto* again = block();
  builder.CreateCondBr(truth, decisive ? done : again, decisive ? again : done);
  builder.SetInsertPoint(again);
  const auto turn_over = [&](llvm::Value* status, llvm::Value* at) {
    loop.index->addIncoming(builder.CreateAdd(loop.index, builder.getInt32(1)), builder.GetInsertBlock());
    pending->addIncoming(status, builder.GetInsertBlock());
    pending_expr->addIncoming(at, builder.GetInsertBlock());
    builder.CreateBr(loop.head);
  };
  turn_over(pending, pending_expr);
  if (enter_sink(element_sink)) {
    auto* is_pending = builder.CreateICmpNE(pending, builder.getInt32(0));
    auto* status = builder.CreateSelect(is_pending, pending, element_sink.status);
    turn_over(status, builder.CreateSelect(is_pending, pending_expr, element_sink.expr));
  }
  if (enter_sink(fuel_sink)) {
    fail_first(fuel_sink.status, fuel_sink.expr);
  }
  builder.SetInsertPoint(loop.end);
  sink.status->addIncoming(pending, loop.end);
  sink.expr->addIncoming(pending_expr, loop.end);
  auto* undecided = block();
  builder.CreateCondBr(builder.CreateICmpNE(pending, builder.getInt32(0)), sink.block, undecided);
  builder.SetInsertPoint(undecided);
  builder.CreateBr(done);
  builder.SetInsertPoint(done);
  auto* answer = builder.CreatePHI(builder.getInt1Ty(), 2);
  answer->addIncoming(builder.getInt1(decisive), decided_from);
  answer->addIncoming(builder.getInt1(!decisive), undecided);
  return of_bool(answer);
}

Operand FunctionLowering::handle_comprehend(ir::ExprId id) {
  const ir::Expr& e = expr(id);
  auto* collection = boxed_operand(e, 0);
  auto* length = load_length(collection);
  auto* bytes =
      builder.CreateMul(builder.CreateZExt(length, builder.getInt64Ty()), builder.getInt64(sizeof(Value)));
  auto* items = call(Host::Alloc, {frame, bytes});
  auto* is_null = builder.CreateICmpEQ(items, llvm::ConstantPointerNull::get(builder.getPtrTy()));
  fail_if(builder.CreateAnd(is_null, builder.CreateICmpNE(length, builder.getInt32(0))), Status::OutOfMemory,
          id);

  Loop loop = open_loop(collection);
  auto* count = builder.CreatePHI(builder.getInt32Ty(), 3);
  count->addIncoming(builder.getInt32(0), loop.before);
  start_turn(loop, length);
  charge(builder.getInt64(1), id);
  bind_element(e, loop);
  auto* keep = condition(e, 2);
  auto* skipped_from = builder.GetInsertBlock();
  auto* take = block();
  auto* again = block();
  builder.CreateCondBr(keep, take, again);
  builder.SetInsertPoint(take);
  const Operand element = operand(e, 1);
  auto* words = llvm::ArrayType::get(builder.getInt8Ty(), sizeof(Value));
  auto* place = builder.CreateGEP(words, items, builder.CreateZExt(count, builder.getInt64Ty()));
  store_value(place, element, operand_type(e, 1));
  unbind_element(e);
  auto* more = builder.CreateAdd(count, builder.getInt32(1));
  auto* taken_from = builder.GetInsertBlock();
  builder.CreateBr(again);
  builder.SetInsertPoint(again);
  auto* next_count = builder.CreatePHI(builder.getInt32Ty(), 2);
  next_count->addIncoming(count, skipped_from);
  next_count->addIncoming(more, taken_from);
  loop.index->addIncoming(builder.CreateAdd(loop.index, builder.getInt32(1)), again);
  count->addIncoming(next_count, again);
  builder.CreateBr(loop.head);

  builder.SetInsertPoint(loop.end);
  auto* out = temporary();
  auto* word = builder.getInt64Ty();
  auto* head = builder.CreateOr(builder.CreateShl(builder.CreateZExt(count, word), 32),
                                builder.getInt64(static_cast<uint64_t>(Kind::List)));
  builder.CreateStore(head, out);
  builder.CreateStore(items, builder.CreateConstGEP1_64(word, out, 1));
  builder.CreateStore(builder.getInt64(0), builder.CreateConstGEP1_64(word, out, 2));
  return {Rep::Boxed, out};
}

}  // namespace catalyst::codegen
