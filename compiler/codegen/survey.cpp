#include "compiler/codegen/survey.h"

#include <algorithm>

namespace catalyst::codegen {

Survey::Survey(const ir::Module& module, uint32_t exprs_per_root_max)
    : module_(module),
      max_(exprs_per_root_max),
      sizes_(module.exprs.size()),
      depths_(module.exprs.size()),
      facts_(module.facts.size()),
      functions_(module.functions.size()) {
  for (uint32_t i = 0; i < module.exprs.size(); i++) {
    const ir::Expr& e = module.exprs[i];
    uint64_t size = 1;
    uint16_t depth = 0;
    for (uint32_t j = 0; j < e.operand_count; j++) {
      const ir::ExprId operand = module.operand(e, j);
      size += sizes_[operand.index];
      depth = std::max(depth, depths_[operand.index]);
    }
    sizes_[i] = static_cast<uint32_t>(std::min<uint64_t>(size, UINT32_MAX));
    depths_[i] = static_cast<uint16_t>(std::min<uint32_t>(depth + 1u, UINT16_MAX));
  }
}

bool Survey::check_callee(State& state, ir::ExprId body, uint32_t call_depth) {
  if (state == State::Unknown) {
    state = State::Busy;
    state = call_depth < kCallDepthMax && check_body(body, call_depth + 1) ? State::Fit : State::Unfit;
  }
  return state == State::Fit;
}

bool Survey::check_body(ir::ExprId root, uint32_t call_depth) {
  if (sizes_[root.index] > max_ || depths_[root.index] > kDepthMax) {
    return false;
  }
  std::vector<ir::ExprId> open{root};
  while (!open.empty()) {
    const ir::Expr& e = module_.expr(open.back());
    open.pop_back();
    if (e.op == ir::Op::Fact &&
        !check_callee(facts_[e.payload], module_.facts[e.payload].value, call_depth)) {
      return false;
    }
    if (e.op == ir::Op::CallFn &&
        !check_callee(functions_[e.payload], module_.functions[e.payload].body, call_depth)) {
      return false;
    }
    for (uint32_t i = 0; i < e.operand_count; i++) {
      open.push_back(module_.operand(e, i));
    }
  }
  total_ += sizes_[root.index];
  return true;
}

}  // namespace catalyst::codegen
