#include "compiler/codegen/bucket.h"

#include <bit>
#include <cstddef>
#include <string_view>

#include "compiler/codegen/words.h"

namespace catalyst::codegen {

using abi::Atom;
using abi::Cell;
using value::Kind;
using value::Value;

namespace {

/// Sets of symbols up to this many are compared one by one when they do not fit one word.
constexpr uint64_t kInlineSymbols = 8;

}  // namespace

BucketLowering::Size BucketLowering::size_of(const abi::BucketRef& bucket) const {
  Size size;
  for (const Cell* cell = &index_.code[bucket.begin]; cell->head.rank != abi::kNoRank;
       cell += 1 + cell->head.atoms) {
    size.cells += 1 + size_t{cell->head.atoms};
    size.rules++;
  }
  return size;
}

llvm::BasicBlock* BucketLowering::block() { return llvm::BasicBlock::Create(unit_.context, "", function_); }

/// What a bucket reads is settled before it runs, so that loads are done once however often the evaluator is
/// asked in between.
llvm::Value* BucketLowering::load(llvm::Type* type, llvm::Value* base, uint64_t offset) {
  auto* value =
      builder_.CreateLoad(type, builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), base, offset));
  value->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(unit_.context, {}));
  return value;
}

llvm::Value* BucketLowering::table(size_t frame_offset) {
  return load(builder_.getPtrTy(), function_->getArg(0), frame_offset);
}

llvm::Function* BucketLowering::declare() {
  auto* type =
      llvm::FunctionType::get(builder_.getInt32Ty(), {builder_.getPtrTy(), builder_.getInt32Ty()}, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, "b", unit_.out);
  function->setDoesNotThrow();
  return function;
}

llvm::Function* BucketLowering::lower(const abi::BucketRef& bucket) {
  llvm::Function* const first = declare();
  function_ = first;
  const Cell* cell = &index_.code[bucket.begin];
  for (;;) {
    builder_.SetInsertPoint(block());
    cell = lower_rules(cell);
    auto* best = function_->getArg(1);
    if (cell->head.rank == abi::kNoRank) {
      builder_.CreateRet(best);
      return first;
    }
    llvm::Function* const more = declare();
    auto* call = builder_.CreateCall(more, {function_->getArg(0), best});
    call->setTailCallKind(llvm::CallInst::TCK_MustTail);
    builder_.CreateRet(call);
    function_ = more;
  }
}

llvm::Function* BucketLowering::lower_within(const abi::BucketRef& bucket, size_t& cells) {
  if (bucket.first_rank == abi::kNoRank) {
    return nullptr;
  }
  const size_t size = size_of(bucket).cells;
  if (size > cells) {
    return nullptr;
  }
  cells -= size;
  return lower(bucket);
}

std::vector<llvm::Function*> BucketLowering::lower_anchor(const abi::Anchor& anchor, size_t& cells) {
  std::vector<llvm::Function*> functions(anchor.buckets.size());
  std::vector<uint32_t> group;
  uint32_t group_rules = 0;
  const auto flush = [&] {
    llvm::Function* const function = group.empty() ? nullptr : lower_group(anchor, group);
    for (const uint32_t symbol : group) {
      functions[symbol] = function;
    }
    group.clear();
    group_rules = 0;
  };
  for (uint32_t i = 0; i < anchor.buckets.size(); i++) {
    const abi::BucketRef& bucket = anchor.buckets[i];
    const Size size = bucket.first_rank == abi::kNoRank ? Size{} : size_of(bucket);
    if (anchor.kind == abi::Anchor::Kind::Mask || size.rules > kRulesPerGroup) {
      functions[i] = lower_within(bucket, cells);
    } else if (size.rules != 0 && size.cells <= cells) {
      if (group_rules + size.rules > kRulesPerGroup) {
        flush();
      }
      cells -= size.cells;
      group.push_back(i);
      group_rules += size.rules;
    }
  }
  flush();
  return functions;
}

llvm::Function* BucketLowering::lower_group(const abi::Anchor& anchor, const std::vector<uint32_t>& symbols) {
  if (symbols.size() == 1) {
    return lower(anchor.buckets[symbols[0]]);
  }
  function_ = declare();
  builder_.SetInsertPoint(block());
  auto* symbol =
      load(builder_.getInt32Ty(), table(offsetof(abi::Frame, symbols)), uint64_t{4} * anchor.feature);
  auto* other = block();
  auto* branch = builder_.CreateSwitch(symbol, other, static_cast<unsigned>(symbols.size()));
  builder_.SetInsertPoint(other);
  builder_.CreateRet(function_->getArg(1));
  for (const uint32_t i : symbols) {
    auto* start = block();
    branch->addCase(builder_.getInt32(i), start);
    builder_.SetInsertPoint(start);
    lower_rules(&index_.code[anchor.buckets[i].begin]);
    builder_.CreateRet(function_->getArg(1));
  }
  return function_;
}

const Cell* BucketLowering::lower_rules(const Cell* cell) {
  for (uint32_t n = 0; n < kRulesPerFunction && cell->head.rank != abi::kNoRank; n++) {
    next_ = block();
    lower_rule(cell, next_);
    builder_.SetInsertPoint(next_);
    cell += 1 + cell->head.atoms;
  }
  return cell;
}

void BucketLowering::lower_rule(const Cell* cell, llvm::BasicBlock* next) {
  auto* best = function_->getArg(1);
  auto* rank = builder_.getInt32(cell->head.rank);
  auto* leave = block();
  auto* enter = block();
  builder_.CreateCondBr(builder_.CreateICmpUGE(rank, best), leave, enter);
  builder_.SetInsertPoint(leave);
  builder_.CreateRet(best);
  builder_.SetInsertPoint(enter);
  ask_ = nullptr;
  for (uint32_t i = 0; i < cell->head.atoms; i++) {
    test(cell[1 + i].atom);
  }
  if (cell->head.residual != 0) {
    ask_ = ask_ == nullptr ? block() : ask_;
    builder_.CreateBr(ask_);
  } else {
    builder_.CreateRet(rank);
  }
  if (ask_ != nullptr) {
    builder_.SetInsertPoint(ask_);
    auto* type =
        llvm::FunctionType::get(builder_.getInt32Ty(), {builder_.getPtrTy(), builder_.getInt32Ty()}, false);
    auto* decide = table(offsetof(abi::Frame, decide_rule));
    auto* answer = builder_.CreateCall(type, decide, {function_->getArg(0), rank});
    answer->setDoesNotThrow();
    auto* matched = block();
    builder_.CreateCondBr(builder_.CreateICmpNE(answer, builder_.getInt32(0)), matched, next);
    builder_.SetInsertPoint(matched);
    builder_.CreateRet(rank);
  }
}

void BucketLowering::require(llvm::Value* holds) {
  auto* more = block();
  builder_.CreateCondBr(holds, more, next_);
  builder_.SetInsertPoint(more);
}

void BucketLowering::when_absent(llvm::Value* is_absent, const Atom& atom, llvm::BasicBlock* held) {
  auto* present = block();
  llvm::BasicBlock* absent = next_;
  switch (atom.absent) {
    case Atom::OnAbsent::False:
      break;
    case Atom::OnAbsent::True:
      absent = held;
      break;
    case Atom::OnAbsent::Exact:
      ask_ = ask_ == nullptr ? block() : ask_;
      absent = ask_;
      break;
  }
  builder_.CreateCondBr(is_absent, absent, present);
  builder_.SetInsertPoint(present);
}

void BucketLowering::test(const Atom& atom) {
  auto* mask = builder_.getInt64Ty();
  const auto word = [&](size_t offset) { return load(mask, table(offset), uint64_t{8} * atom.index); };
  auto* zero = builder_.getInt64(0);
  switch (atom.op) {
    case Atom::Op::SymbolIs:
    case Atom::Op::SymbolIsNot:
    case Atom::Op::SymbolIn:
    case Atom::Op::SymbolNotIn:
      test_symbol(atom);
      return;
    case Atom::Op::MaskAny:
      require(builder_.CreateICmpNE(builder_.CreateAnd(word(offsetof(abi::Frame, masks)), atom.value), zero));
      return;
    case Atom::Op::MaskNone:
      require(builder_.CreateICmpEQ(builder_.CreateAnd(word(offsetof(abi::Frame, masks)), atom.value), zero));
      return;
    case Atom::Op::MaskAnyWide:
      require(any_wide(atom));
      return;
    case Atom::Op::TargetIs: {
      auto* bit = builder_.CreateAnd(word(offsetof(abi::Frame, targets)), uint64_t{1} << atom.value);
      require(builder_.CreateICmpNE(bit, zero));
      return;
    }
    case Atom::Op::IntMin:
    case Atom::Op::IntMax:
    case Atom::Op::IntIs:
    case Atom::Op::IntIsNot:
    case Atom::Op::Prefix:
    case Atom::Op::Required:
    case Atom::Op::Present:
    case Atom::Op::Absent:
      test_slot(atom);
      return;
  }
}

void BucketLowering::test_symbol(const Atom& atom) {
  auto* symbol = load(builder_.getInt32Ty(), table(offsetof(abi::Frame, symbols)), uint64_t{4} * atom.index);
  auto* value = builder_.getInt32(static_cast<uint32_t>(atom.value));
  auto* is_absent =
      builder_.CreateICmpEQ(symbol, builder_.getInt32(static_cast<uint32_t>(abi::kSymbolAbsent)));
  auto* held = block();
  const bool is_positive = atom.op == Atom::Op::SymbolIs || atom.op == Atom::Op::SymbolIn;
  // A symbol that is among the wanted ones is present, so presence is asked only where it could change the
  // answer.
  auto* wanted = atom.op == Atom::Op::SymbolIs || atom.op == Atom::Op::SymbolIsNot
                     ? builder_.CreateICmpEQ(symbol, value)
                     : symbol_in(symbol, atom.value);
  auto* unwanted = block();
  builder_.CreateCondBr(wanted, is_positive ? held : next_, unwanted);
  builder_.SetInsertPoint(unwanted);
  const bool absent_is_no = atom.absent == Atom::OnAbsent::False;
  const bool absent_is_yes = atom.absent == Atom::OnAbsent::True;
  if ((is_positive && absent_is_no) || (!is_positive && absent_is_yes)) {
    builder_.CreateBr(is_positive ? next_ : held);
  } else {
    when_absent(is_absent, atom, held);
    builder_.CreateBr(is_positive ? next_ : held);
  }
  builder_.SetInsertPoint(held);
}

llvm::Value* BucketLowering::symbol_in(llvm::Value* symbol, uint64_t set) {
  const uint64_t words = index_.bits[set];
  auto* word_type = builder_.getInt64Ty();
  if (words == 1) {
    // In the set when below 64 and its bit is set; unsigned, so that unknown and absent are far above.
    auto* small = builder_.CreateICmpULT(symbol, builder_.getInt32(64));
    auto* shift = builder_.CreateZExt(builder_.CreateAnd(symbol, 63), word_type);
    auto* bit = builder_.CreateAnd(builder_.CreateLShr(builder_.getInt64(index_.bits[set + 1]), shift), 1);
    return builder_.CreateAnd(small, builder_.CreateICmpNE(bit, builder_.getInt64(0)));
  }
  uint64_t count = 0;
  for (uint64_t i = 0; i < words; i++) {
    count += static_cast<uint64_t>(std::popcount(index_.bits[set + 1 + i]));
  }
  if (count > kInlineSymbols) {
    return symbol_in_table(symbol, set);
  }
  llvm::Value* any = builder_.getFalse();
  for (uint64_t i = 0; i < words; i++) {
    for (uint64_t bits = index_.bits[set + 1 + i]; bits != 0; bits &= bits - 1) {
      const auto one = static_cast<uint32_t>(64 * i) + static_cast<uint32_t>(std::countr_zero(bits));
      any = builder_.CreateOr(any, builder_.CreateICmpEQ(symbol, builder_.getInt32(one)));
    }
  }
  return any;
}

llvm::Value* BucketLowering::symbol_in_table(llvm::Value* symbol, uint64_t set) {
  const uint64_t words = index_.bits[set];
  auto* bits =
      llvm::ConstantDataArray::get(unit_.context, llvm::ArrayRef<uint64_t>(&index_.bits[set + 1], words));
  auto* global = new llvm::GlobalVariable(unit_.out, bits->getType(), /*isConstant=*/true,
                                          llvm::GlobalValue::PrivateLinkage, bits);
  auto* inside = builder_.CreateICmpULT(symbol, builder_.getInt32(static_cast<uint32_t>(64 * words)));
  auto* known = builder_.CreateSelect(inside, symbol, builder_.getInt32(0));
  auto* word_type = builder_.getInt64Ty();
  auto* address =
      builder_.CreateGEP(word_type, global, builder_.CreateZExt(builder_.CreateLShr(known, 6), word_type));
  auto* shift = builder_.CreateZExt(builder_.CreateAnd(known, 63), word_type);
  auto* bit = builder_.CreateTrunc(builder_.CreateLShr(builder_.CreateLoad(word_type, address), shift),
                                   builder_.getInt1Ty());
  return builder_.CreateAnd(inside, bit);
}

llvm::Value* BucketLowering::any_wide(const Atom& atom) {
  auto* masks = table(offsetof(abi::Frame, masks));
  llvm::Value* any = builder_.getInt64(0);
  for (uint64_t i = 0; i < index_.bits[atom.value]; i++) {
    const uint64_t bits = index_.bits[atom.value + 1 + i];
    if (bits != 0) {
      auto* word = load(builder_.getInt64Ty(), masks, 8 * (atom.index + i));
      any = builder_.CreateOr(any, builder_.CreateAnd(word, bits));
    }
  }
  return builder_.CreateICmpNE(any, builder_.getInt64(0));
}

void BucketLowering::test_slot(const Atom& atom) {
  const uint64_t place = uint64_t{atom.index} * sizeof(Value);
  auto* slots = table(offsetof(abi::Frame, slots));
  auto* kind = load(builder_.getInt8Ty(), slots, place + offsetof(Value, kind));
  auto* is_absent = builder_.CreateICmpEQ(kind, builder_.getInt8(static_cast<uint8_t>(Kind::Absent)));
  if (atom.op == Atom::Op::Absent) {
    require(is_absent);
    return;
  }
  auto* held = block();
  if (atom.op == Atom::Op::Required) {
    ask_ = ask_ == nullptr ? block() : ask_;
    builder_.CreateCondBr(is_absent, ask_, held);
    builder_.SetInsertPoint(held);
    return;
  }
  when_absent(is_absent, atom, held);
  auto* constant = builder_.getInt64(atom.value);
  const auto integer = [&] { return load(builder_.getInt64Ty(), slots, place + offsetof(Value, a)); };
  llvm::Value* holds = builder_.getTrue();
  if (atom.op == Atom::Op::IntMin) {
    holds = builder_.CreateICmpSGE(integer(), constant);
  } else if (atom.op == Atom::Op::IntMax) {
    holds = builder_.CreateICmpSLE(integer(), constant);
  } else if (atom.op == Atom::Op::IntIs) {
    holds = builder_.CreateICmpEQ(integer(), constant);
  } else if (atom.op == Atom::Op::IntIsNot) {
    holds = builder_.CreateICmpNE(integer(), constant);
  } else if (atom.op == Atom::Op::Prefix) {
    const std::string_view text(index_.text.data() + (atom.value >> 32), static_cast<uint32_t>(atom.value));
    auto* length = load(builder_.getInt32Ty(), slots, place + offsetof(Value, length));
    require(builder_.CreateICmpUGE(length, builder_.getInt32(static_cast<uint32_t>(text.size()))));
    auto* begin = load(builder_.getPtrTy(), slots, place + offsetof(Value, a));
    holds = equal_bytes(builder_, begin, text, unit_.host(Host::Compare));
  }
  builder_.CreateCondBr(holds, held, next_);
  builder_.SetInsertPoint(held);
}

}  // namespace catalyst::codegen
