#include "compiler/ir/depth.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace catalyst::ir {
namespace {

class Depths {
 public:
  explicit Depths(const Module& module)
      : m_(module),
        levels_(module.exprs.size()),
        visited_(module.exprs.size()),
        busy_(module.facts.size() + module.functions.size()) {}

  std::string problem() {
    for (uint32_t node = 0; node < busy_.size(); node++) {
      if (callee_levels(node, 0) > kMaxDepth) {
        return name(node) + " uses itself or is nested too deeply";
      }
    }
    for (const Rule& rule : m_.rules) {
      bool deep = is_deep(rule.condition) || is_deep(rule.message);
      for (const Effect& effect : rule.effects) {
        deep = deep || is_deep(effect.value);
      }
      if (deep) {
        return "rule " + rule.name + " is nested too deeply";
      }
    }
    for (const Route& route : m_.routes) {
      bool deep = is_deep(route.hash) ||
                  std::any_of(route.key.begin(), route.key.end(), [&](ExprId part) { return is_deep(part); });
      for (const RoutePrefer& prefer : route.prefers) {
        deep = deep || is_deep(prefer.condition);
      }
      if (deep) {
        return "route " + route.name + " is nested too deeply";
      }
    }
    for (const Window& window : m_.windows) {
      if (is_deep(window.key) || is_deep(window.value)) {
        return "window " + window.name + " is nested too deeply";
      }
    }
    for (const WindowRead& read : m_.window_reads) {
      if (is_deep(read.key)) {
        return "window " + m_.windows[read.window.index].name + " is nested too deeply";
      }
    }
    for (const Property& property : m_.properties) {
      if (is_deep(property.condition)) {
        return "property " + property.name + " is nested too deeply";
      }
    }
    return {};
  }

 private:
  [[nodiscard]] std::string name(uint32_t node) const {
    return node < m_.facts.size() ? "fact " + m_.facts[node].name
                                  : "function " + m_.functions[node - m_.facts.size()].name;
  }
  bool is_deep(ExprId root) { return root.valid() && levels(root, 0) > kMaxDepth; }

  [[nodiscard]] std::optional<uint32_t> callee(const Expr& e) const {
    if (e.op == Op::Fact) {
      return e.payload;
    }
    return e.op == Op::CallFn ? std::optional(static_cast<uint32_t>(m_.facts.size()) + e.payload)
                              : std::nullopt;
  }

  /// What is below a root and not known yet, operands before users. Each expression is looked at once.
  std::vector<uint32_t> below(ExprId root) {
    std::vector<uint32_t> out;
    std::vector<uint32_t> open{root.index};
    visit_++;
    while (!open.empty()) {
      const uint32_t id = open.back();
      open.pop_back();
      if (levels_[id] != 0 || std::exchange(visited_[id], visit_) == visit_) {
        continue;
      }
      out.push_back(id);
      const Expr& e = m_.exprs[id];
      for (uint32_t i = 0; i < e.operand_count; i++) {
        open.push_back(m_.operand(e, i).index);
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  /// Levels of evaluation below a root, facts and functions included; more than kMaxDepth when one of them
  /// uses itself. `callers` bounds our own recursion.
  uint32_t levels(ExprId root, uint32_t callers) {
    if (callers > kMaxDepth) {
      return kMaxDepth + 1;
    }
    for (const uint32_t id : levels_[root.index] == 0 ? below(root) : std::vector<uint32_t>()) {
      if (levels_[id] != 0) {
        continue;
      }
      const Expr& e = m_.exprs[id];
      uint32_t deepest = 0;
      for (uint32_t i = 0; i < e.operand_count; i++) {
        deepest = std::max(deepest, levels_[m_.operand(e, i).index]);
      }
      if (const std::optional<uint32_t> node = callee(e)) {
        deepest = std::max(deepest, callee_levels(*node, callers + 1) + kCallLevels - 1);
      }
      levels_[id] = std::min(deepest, kMaxDepth) + 1;
    }
    return levels_[root.index];
  }

  /// Facts are nodes 0..F-1 of the use graph, functions F..
  uint32_t callee_levels(uint32_t node, uint32_t callers) {
    if (busy_[node]) {
      return kMaxDepth + 1;
    }
    busy_[node] = true;
    const size_t facts = m_.facts.size();
    const uint32_t result =
        levels(node < facts ? m_.facts[node].value : m_.functions[node - facts].body, callers);
    busy_[node] = false;
    return result;
  }

  const Module& m_;
  std::vector<uint32_t> levels_;  // of each expression; 0: not known yet
  std::vector<uint32_t> visited_;
  uint32_t visit_ = 0;
  std::vector<bool> busy_;  // facts and functions on the way here
};

}  // namespace

std::string depth_problem(const Module& module) { return Depths(module).problem(); }

}  // namespace catalyst::ir
