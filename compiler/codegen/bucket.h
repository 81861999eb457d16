#pragma once

#include <vector>

#include "compiler/codegen/lower.h"
#include "runtime/abi/plan.h"

namespace catalyst::codegen {

/// One bucket of a decision plan as straight code: for each rule `if (rank >= best) return best; if (atoms)
/// return rank;`, constants in line. Same answers as the packed scan; where that one notes an unclear atom
/// and goes on, this one asks Frame::decide_rule at once, which answers the same.
class BucketLowering {
 public:
  /// Rules of one function; longer buckets continue in the next one, because LLVM takes more than linear time
  /// for one huge function.
  static constexpr uint32_t kRulesPerFunction = 128;
  /// Rules of a function that serves several buckets.
  static constexpr uint32_t kRulesPerGroup = 32;

  BucketLowering(UnitLowering& unit, const abi::Index& index)
      : unit_(unit), index_(index), builder_(unit.context) {}

  /// An abi::BucketFunction.
  llvm::Function* lower(const abi::BucketRef& bucket);

  /// A function for each bucket of an anchor, nullptr for empty ones and for those behind the budget of
  /// `cells`, which shrinks. Small buckets of a symbol share a function that branches on the symbol: LLVM's
  /// price is by the function as much as by the rule.
  std::vector<llvm::Function*> lower_anchor(const abi::Anchor& anchor, size_t& cells);
  /// The same for one bucket.
  llvm::Function* lower_within(const abi::BucketRef& bucket, size_t& cells);

 private:
  struct Size {
    size_t cells = 0;  // heads included
    uint32_t rules = 0;
  };
  [[nodiscard]] Size size_of(const abi::BucketRef& bucket) const;
  llvm::Function* declare();
  llvm::Function* lower_group(const abi::Anchor& anchor, const std::vector<uint32_t>& symbols);
  /// Rules from `cell` on, at most kRulesPerFunction, at the insertion point; the cell behind them.
  const abi::Cell* lower_rules(const abi::Cell* cell);
  void lower_rule(const abi::Cell* cell, llvm::BasicBlock* next);
  void test(const abi::Atom& atom);
  /// Goes on where `holds`, to the next rule where not.
  void require(llvm::Value* holds);
  /// What an absent input means; goes on with the input present, or with the atom held.
  void when_absent(llvm::Value* is_absent, const abi::Atom& atom, llvm::BasicBlock* held);
  void test_symbol(const abi::Atom& atom);
  void test_slot(const abi::Atom& atom);
  llvm::Value* symbol_in(llvm::Value* symbol, uint64_t set);
  llvm::Value* symbol_in_table(llvm::Value* symbol, uint64_t set);
  llvm::Value* any_wide(const abi::Atom& atom);

  llvm::BasicBlock* block();
  llvm::Value* load(llvm::Type* type, llvm::Value* base, uint64_t offset);
  llvm::Value* table(size_t frame_offset);

  UnitLowering& unit_;
  const abi::Index& index_;
  llvm::IRBuilder<> builder_;
  llvm::Function* function_ = nullptr;
  llvm::BasicBlock* next_ = nullptr;  // of the rule at hand
  llvm::BasicBlock* ask_ = nullptr;   // of the rule at hand, made when something jumps there
};

}  // namespace catalyst::codegen
