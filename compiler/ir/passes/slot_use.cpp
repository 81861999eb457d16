#include "compiler/ir/passes/slot_use.h"

#include <algorithm>
#include <unordered_map>

namespace catalyst::ir {

namespace {

class Visitor {
 public:
  explicit Visitor(const Module& module)
      : module_(module), expr_stamp_(module.exprs.size(), 0), fact_stamp_(module.facts.size(), 0) {
    for (const WindowRead& read : module.window_reads) {
      window_keys_.emplace(read.slot.index, read.key);
    }
  }

  /// What is visited between two calls is visited once.
  void start_rule() { ++stamp_; }

  void visit(ExprId id, std::vector<uint32_t>& slots) {
    if (!id.valid() || expr_stamp_[id.index] == stamp_) {
      return;
    }
    expr_stamp_[id.index] = stamp_;
    const Expr& e = module_.expr(id);
    if (e.op == Op::Slot) {
      slots.push_back(e.payload);
      if (const auto read = window_keys_.find(e.payload); read != window_keys_.end()) {
        visit(read->second, slots);
      }
    } else if (e.op == Op::Fact && fact_stamp_[e.payload] != stamp_) {
      fact_stamp_[e.payload] = stamp_;
      visit(module_.facts[e.payload].value, slots);
    } else if (e.op == Op::CallFn) {
      visit(module_.functions[e.payload].body, slots);
    }
    for (uint32_t i = 0; i < e.operand_count; ++i) {
      visit(module_.operand(e, i), slots);
    }
  }

 private:
  const Module& module_;
  std::unordered_map<uint32_t, ExprId> window_keys_;  // by slot
  std::vector<uint32_t> expr_stamp_;
  std::vector<uint32_t> fact_stamp_;
  uint32_t stamp_ = 0;
};

void sort_unique(std::vector<uint32_t>& slots) {
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
}

}  // namespace

std::vector<std::vector<uint32_t>> find_target_slots(const Module& module, abi::Hook hook,
                                                     const std::vector<uint32_t>& rules) {
  std::vector<std::vector<uint32_t>> out(module.targets.size());
  Visitor visitor(module);
  for (const uint32_t index : rules) {
    const Rule& rule = module.rules[index];
    std::vector<uint32_t>& slots = out[rule.target.index];
    visitor.start_rule();
    visitor.visit(rule.condition, slots);
    visitor.visit(rule.message, slots);
    for (const Effect& effect : rule.effects) {
      visitor.visit(effect.value, slots);
    }
  }
  for (const Window& window : module.windows) {
    if (window.hook == hook) {
      visitor.start_rule();
      visitor.visit(window.key, out[window.target.index]);
      visitor.visit(window.value, out[window.target.index]);
    }
  }
  std::for_each(out.begin(), out.end(), sort_unique);
  return out;
}

std::vector<uint32_t> find_route_slots(const Module& module, const Route& route) {
  std::vector<uint32_t> out;
  Visitor visitor(module);
  visitor.start_rule();
  for (const RoutePrefer& prefer : route.prefers) {
    visitor.visit(prefer.condition, out);
  }
  visitor.visit(route.hash, out);
  for (const ExprId part : route.key) {
    visitor.visit(part, out);
  }
  sort_unique(out);
  return out;
}

}  // namespace catalyst::ir
