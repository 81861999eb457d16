#pragma once

#include <vector>

#include "compiler/codegen/lower.h"
#include "runtime/abi/plan.h"

namespace catalyst::codegen {

/// One bucket of a decision plan as straight code: for each rule but the first `if (rank >= best) return
/// best;`, then `if (atoms) return rank;`, constants in line. Same answers as the packed scan; where that one
/// notes an unclear atom and goes on, this one asks Frame::decide_rule at once, which answers the same.
class BucketLowering {
 public:
  /// Rules of one function; longer buckets continue in the next one, because LLVM takes more than linear time
  /// for one huge function.
  static constexpr uint32_t kRulesPerFunction = 128;

  BucketLowering(UnitLowering& unit, const abi::Index& index)
      : unit_(unit), index_(index), builder_(unit.context) {}

  /// The bucket that is scanned next without being called for; nullptr: none.
  struct Next {
    llvm::Function* function = nullptr;
    uint32_t first_rank = abi::kNoRank;
  };

  /// An abi::BucketFunction without a body.
  static llvm::Function* declare(UnitLowering& unit);
  /// Gives `first` its body.
  void lower(const abi::BucketRef& bucket, llvm::Function* first, Next next);

 private:
  /// Rules from `cell` on, at most kRulesPerFunction, at the insertion point; the cell behind them. The first
  /// of them may be known to have a rank below `best`.
  const abi::Cell* lower_rules(const abi::Cell* cell, bool is_known_to_win);
  void leave_unless_below_best(uint32_t rank);
  /// Ends the scan of this bucket with the best rank so far.
  void leave(llvm::Value* best);
  void lower_follower();
  void lower_rule(const abi::Cell* cell, llvm::BasicBlock* next);
  void test_all(const abi::Cell* cell);
  void test(const abi::Atom& atom);
  /// Goes on where `holds`, to the next rule where not.
  void require(llvm::Value* holds);
  /// `absent` stands in for the atom's own OnAbsent; it is not Exact.
  llvm::Value* truth(const abi::Atom& atom, abi::Atom::OnAbsent absent);
  llvm::Value* with_absence(llvm::Value* holds, const abi::Atom& atom, abi::Atom::OnAbsent absent);
  static bool needs_branch(const abi::Atom& atom);
  static bool is_symbol_test(const abi::Atom& atom);
  static uint64_t slot_place(const abi::Atom& atom);
  llvm::Value* symbol(const abi::Atom& atom);
  llvm::Value* is_absent(const abi::Atom& atom);
  llvm::Value* is_wanted_symbol(const abi::Atom& atom);
  llvm::Value* starts_with(const abi::Atom& atom);
  llvm::Value* symbol_in(llvm::Value* symbol, uint64_t set);
  llvm::Value* symbol_in_table(llvm::Value* symbol, uint64_t set);
  llvm::Value* any_wide(const abi::Atom& atom);

  llvm::BasicBlock* block();
  llvm::BranchInst* branch(llvm::Value* condition, llvm::BasicBlock* rare, llvm::BasicBlock* usual);
  llvm::Value* load(llvm::Type* type, llvm::Value* base, uint64_t offset);
  llvm::Value* table(size_t frame_offset);

  UnitLowering& unit_;
  const abi::Index& index_;
  llvm::IRBuilder<> builder_;
  llvm::Function* function_ = nullptr;
  Next follower_;
  llvm::BasicBlock* goes_on_ = nullptr;  // of function_, made when something jumps there
  llvm::PHINode* rank_so_far_ = nullptr;
  llvm::BasicBlock* next_ = nullptr;  // of the rule at hand
  llvm::BasicBlock* ask_ = nullptr;   // of the rule at hand, made when something jumps there
};

}  // namespace catalyst::codegen
