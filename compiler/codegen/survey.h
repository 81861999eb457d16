#pragma once

#include <cstdint>
#include <vector>

#include "compiler/ir/ir.h"

namespace catalyst::codegen {

/// Which parts of a module are fit for native code. An expression that is used twice is lowered twice, so
/// sizes are those of trees; what is too large, too deep or calls through too many functions stays with the
/// interpreter.
class Survey {
 public:
  static constexpr uint32_t kDepthMax = 1000;    // operands inside operands: the lowering recurses
  static constexpr uint32_t kCallDepthMax = 64;  // facts and functions inside each other: bounds native stack

  Survey(const ir::Module& module, uint32_t exprs_per_root_max);

  /// May this root be compiled, with all facts and functions below it?
  bool is_fit(ir::ExprId root) { return check_body(root, 0); }
  /// Expressions of the roots, facts and functions found fit so far.
  [[nodiscard]] uint64_t total() const { return total_; }

 private:
  enum class State : uint8_t { Unknown, Busy, Fit, Unfit };

  bool check_body(ir::ExprId root, uint32_t call_depth);
  bool check_callee(State& state, ir::ExprId body, uint32_t call_depth);

  const ir::Module& module_;
  uint32_t max_;
  uint64_t total_ = 0;
  std::vector<uint32_t> sizes_;  // of the tree below each expression, saturating
  std::vector<uint16_t> depths_;
  std::vector<State> facts_;
  std::vector<State> functions_;
};

}  // namespace catalyst::codegen
