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
/// So many atoms of a rule are computed before a branch.
constexpr uint32_t kAtomsTogether = 3;
/// Of so many rules that are looked at one matches, more or less.
constexpr uint32_t kRulesPerMatch = 32;
/// Code is read from memory by the line, and by the first of them nothing is done before it is there.
constexpr uint64_t kLineBytes = 64;

}  // namespace

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

llvm::Function* BucketLowering::declare(UnitLowering& unit) {
  auto* rank = llvm::Type::getInt32Ty(unit.context);
  auto* type = llvm::FunctionType::get(rank, {llvm::PointerType::getUnqual(unit.context), rank}, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, "b", unit.out);
  function->setDoesNotThrow();
  function->setAlignment(llvm::Align(kLineBytes));
  return function;
}

/// A branch to `rare`, else to `usual`, which follows. At ten thousand rules a bucket comes from far away and
/// the processor has forgotten its branches: it takes them for not taken, and so should they be.
llvm::BranchInst* BucketLowering::branch(llvm::Value* condition, llvm::BasicBlock* rare,
                                         llvm::BasicBlock* usual) {
  return builder_.CreateCondBr(condition, rare, usual,
                               llvm::MDBuilder(unit_.context).createBranchWeights(1, kRulesPerMatch));
}

void BucketLowering::leave(llvm::Value* best) {
  if (follower_.function == nullptr) {
    builder_.CreateRet(best);
    return;
  }
  if (goes_on_ == nullptr) {
    goes_on_ = block();
    rank_so_far_ = llvm::PHINode::Create(builder_.getInt32Ty(), 0, "", goes_on_);
  }
  rank_so_far_->addIncoming(best, builder_.GetInsertBlock());
  builder_.CreateBr(goes_on_);
}

/// A jump to a place that is known beforehand, where a call from the scan's loop would go to one that nobody
/// can foretell.
void BucketLowering::lower_follower() {
  if (goes_on_ == nullptr) {
    return;
  }
  goes_on_->moveAfter(&function_->back());
  builder_.SetInsertPoint(goes_on_);
  auto* done = block();
  auto* more = block();
  branch(builder_.CreateICmpUGE(builder_.getInt32(follower_.first_rank), rank_so_far_), done, more);
  builder_.SetInsertPoint(done);
  builder_.CreateRet(rank_so_far_);
  builder_.SetInsertPoint(more);
  auto* call = builder_.CreateCall(follower_.function, {function_->getArg(0), rank_so_far_});
  call->setTailCallKind(llvm::CallInst::TCK_MustTail);
  builder_.CreateRet(call);
  goes_on_ = nullptr;
}

void BucketLowering::lower(const abi::BucketRef& bucket, llvm::Function* first, Next next) {
  function_ = first;
  follower_ = next;
  const Cell* cell = &index_.code[bucket.begin];
  for (;;) {
    builder_.SetInsertPoint(block());
    cell = lower_rules(cell, /*is_known_to_win=*/function_ == first);
    auto* best = function_->getArg(1);
    if (cell->head.rank == abi::kNoRank) {
      leave(best);
      lower_follower();
      return;
    }
    llvm::Function* const more = declare(unit_);
    auto* call = builder_.CreateCall(more, {function_->getArg(0), best});
    call->setTailCallKind(llvm::CallInst::TCK_MustTail);
    builder_.CreateRet(call);
    lower_follower();
    function_ = more;
  }
}

const Cell* BucketLowering::lower_rules(const Cell* cell, bool is_known_to_win) {
  for (uint32_t n = 0; n < kRulesPerFunction && cell->head.rank != abi::kNoRank; n++) {
    next_ = block();
    if (n != 0 || !is_known_to_win) {
      leave_unless_below_best(cell->head.rank);
    }
    lower_rule(cell, next_);
    builder_.SetInsertPoint(next_);
    cell += 1 + cell->head.atoms;
  }
  return cell;
}

void BucketLowering::leave_unless_below_best(uint32_t rank) {
  auto* best = function_->getArg(1);
  auto* lost = block();
  auto* enter = block();
  branch(builder_.CreateICmpUGE(builder_.getInt32(rank), best), lost, enter);
  builder_.SetInsertPoint(lost);
  leave(best);
  builder_.SetInsertPoint(enter);
}

void BucketLowering::lower_rule(const Cell* cell, llvm::BasicBlock* next) {
  auto* rank = builder_.getInt32(cell->head.rank);
  ask_ = nullptr;
  test_all(cell);
  if (cell->head.residual != 0) {
    ask_ = ask_ == nullptr ? block() : ask_;
    builder_.CreateBr(ask_);
  } else {
    leave(rank);
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
    leave(rank);
  }
}

/// Masks and targets know no absence, whatever the atom says of it.
bool BucketLowering::needs_branch(const Atom& atom) {
  switch (atom.op) {
    case Atom::Op::MaskAny:
    case Atom::Op::MaskNone:
    case Atom::Op::MaskAnyWide:
    case Atom::Op::TargetIs:
    case Atom::Op::Absent:
      return false;
    case Atom::Op::Prefix:
    case Atom::Op::Required:
      return true;
    case Atom::Op::SymbolIs:
    case Atom::Op::SymbolIsNot:
    case Atom::Op::SymbolIn:
    case Atom::Op::SymbolNotIn:
    case Atom::Op::IntMin:
    case Atom::Op::IntMax:
    case Atom::Op::IntIs:
    case Atom::Op::IntIsNot:
    case Atom::Op::Present:
      return atom.absent == Atom::OnAbsent::Exact;
  }
  return true;
}

/// Atoms that can be computed together are, a few at a time, and branched on once: each is as good as chance
/// by itself, while few rules match. The others follow, in their order; all stay on their side of a Required
/// one.
void BucketLowering::test_all(const Cell* cell) {
  llvm::Value* together = nullptr;
  uint32_t count = 0;
  std::vector<const Atom*> apart;
  const auto decide = [&] {
    if (together != nullptr) {
      auto* more = block();
      branch(together, more, next_)
          ->setMetadata(llvm::LLVMContext::MD_unpredictable, llvm::MDNode::get(unit_.context, {}));
      builder_.SetInsertPoint(more);
    }
    together = nullptr;
    count = 0;
  };
  const auto flush = [&] {
    decide();
    for (const Atom* atom : apart) {
      test(*atom);
    }
    apart.clear();
  };
  for (uint32_t i = 0; i < cell->head.atoms; i++) {
    const Atom& atom = cell[1 + i].atom;
    if (atom.op == Atom::Op::Required) {
      flush();
      test(atom);
    } else if (needs_branch(atom)) {
      apart.push_back(&atom);
    } else {
      llvm::Value* const holds = truth(atom, atom.absent);
      together = together == nullptr ? holds : builder_.CreateAnd(together, holds);
      if (++count == kAtomsTogether) {
        decide();
      }
    }
  }
  flush();
}

/// The atom as a value, without branches; nullptr for those that need them.
llvm::Value* BucketLowering::truth(const Atom& atom, Atom::OnAbsent absent) {
  const auto word = [&](size_t offset) {
    return load(builder_.getInt64Ty(), table(offset), uint64_t{8} * atom.index);
  };
  const auto is_set = [&](llvm::Value* bits) { return builder_.CreateICmpNE(bits, builder_.getInt64(0)); };
  const auto compare = [&](llvm::CmpInst::Predicate predicate) {
    auto* payload = load(builder_.getInt64Ty(), table(offsetof(abi::Frame, slots)),
                         slot_place(atom) + offsetof(Value, a));
    return with_absence(builder_.CreateICmp(predicate, payload, builder_.getInt64(atom.value)), atom, absent);
  };
  switch (atom.op) {
    case Atom::Op::SymbolIs:
    case Atom::Op::SymbolIn:
      // The absent symbol is in no set: it answers false by itself.
      return absent == Atom::OnAbsent::False ? is_wanted_symbol(atom)
                                             : with_absence(is_wanted_symbol(atom), atom, absent);
    case Atom::Op::SymbolIsNot:
    case Atom::Op::SymbolNotIn: {
      auto* other = builder_.CreateNot(is_wanted_symbol(atom));
      return absent == Atom::OnAbsent::True ? other : with_absence(other, atom, absent);
    }
    case Atom::Op::MaskAny:
      return is_set(builder_.CreateAnd(word(offsetof(abi::Frame, masks)), atom.value));
    case Atom::Op::MaskNone:
      return builder_.CreateNot(is_set(builder_.CreateAnd(word(offsetof(abi::Frame, masks)), atom.value)));
    case Atom::Op::MaskAnyWide:
      return any_wide(atom);
    case Atom::Op::TargetIs:
      return is_set(builder_.CreateAnd(word(offsetof(abi::Frame, targets)), uint64_t{1} << atom.value));
    case Atom::Op::IntMin:
      return compare(llvm::CmpInst::ICMP_SGE);
    case Atom::Op::IntMax:
      return compare(llvm::CmpInst::ICMP_SLE);
    case Atom::Op::IntIs:
      return compare(llvm::CmpInst::ICMP_EQ);
    case Atom::Op::IntIsNot:
      return compare(llvm::CmpInst::ICMP_NE);
    case Atom::Op::Present:
      return with_absence(builder_.getTrue(), atom, absent);
    case Atom::Op::Absent:
      return is_absent(atom);
    case Atom::Op::Prefix:
    case Atom::Op::Required:
      return nullptr;
  }
  return nullptr;
}

llvm::Value* BucketLowering::with_absence(llvm::Value* holds, const Atom& atom, Atom::OnAbsent absent) {
  return absent == Atom::OnAbsent::True ? builder_.CreateOr(is_absent(atom), holds)
                                        : builder_.CreateAnd(builder_.CreateNot(is_absent(atom)), holds);
}

bool BucketLowering::is_symbol_test(const Atom& atom) {
  return atom.op == Atom::Op::SymbolIs || atom.op == Atom::Op::SymbolIsNot || atom.op == Atom::Op::SymbolIn ||
         atom.op == Atom::Op::SymbolNotIn;
}

uint64_t BucketLowering::slot_place(const Atom& atom) { return uint64_t{atom.index} * sizeof(Value); }

llvm::Value* BucketLowering::symbol(const Atom& atom) {
  return load(builder_.getInt32Ty(), table(offsetof(abi::Frame, symbols)), uint64_t{4} * atom.index);
}

llvm::Value* BucketLowering::is_absent(const Atom& atom) {
  if (is_symbol_test(atom)) {
    return builder_.CreateICmpEQ(symbol(atom), builder_.getInt32(static_cast<uint32_t>(abi::kSymbolAbsent)));
  }
  auto* kind = load(builder_.getInt8Ty(), table(offsetof(abi::Frame, slots)),
                    slot_place(atom) + offsetof(Value, kind));
  return builder_.CreateICmpEQ(kind, builder_.getInt8(static_cast<uint8_t>(Kind::Absent)));
}

llvm::Value* BucketLowering::is_wanted_symbol(const Atom& atom) {
  const bool is_one = atom.op == Atom::Op::SymbolIs || atom.op == Atom::Op::SymbolIsNot;
  return is_one ? builder_.CreateICmpEQ(symbol(atom), builder_.getInt32(static_cast<uint32_t>(atom.value)))
                : symbol_in(symbol(atom), atom.value);
}

void BucketLowering::require(llvm::Value* holds) {
  auto* more = block();
  branch(holds, more, next_);
  builder_.SetInsertPoint(more);
}

/// An atom that branches: an absent input is put to the evaluator, or is nothing to look at.
void BucketLowering::test(const Atom& atom) {
  auto* present = block();
  auto* held = block();
  llvm::BasicBlock* absent = atom.absent == Atom::OnAbsent::True ? held : next_;
  if (atom.absent == Atom::OnAbsent::Exact || atom.op == Atom::Op::Required) {
    ask_ = ask_ == nullptr ? block() : ask_;
    absent = ask_;
  }
  builder_.CreateCondBr(is_absent(atom), absent, present);
  builder_.SetInsertPoint(present);
  if (atom.op == Atom::Op::Prefix) {
    require(starts_with(atom));
  } else if (atom.op != Atom::Op::Required) {
    require(truth(atom, Atom::OnAbsent::False));
  }
  builder_.CreateBr(held);
  builder_.SetInsertPoint(held);
}

llvm::Value* BucketLowering::starts_with(const Atom& atom) {
  const std::string_view text(index_.text.data() + (atom.value >> 32), static_cast<uint32_t>(atom.value));
  auto* slots = table(offsetof(abi::Frame, slots));
  auto* length = load(builder_.getInt32Ty(), slots, slot_place(atom) + offsetof(Value, length));
  require(builder_.CreateICmpUGE(length, builder_.getInt32(static_cast<uint32_t>(text.size()))));
  auto* begin = load(builder_.getPtrTy(), slots, slot_place(atom) + offsetof(Value, a));
  return equal_bytes(builder_, begin, text, unit_.host(Host::Compare));
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

}  // namespace catalyst::codegen
