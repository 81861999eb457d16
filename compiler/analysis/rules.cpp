#include "compiler/analysis/rules.h"

namespace catalyst::analysis {
namespace {

FormulaId matches(World& world, const char* name, const std::string& pattern) {
  Formulas& f = world.formulas;
  if (pattern == "*") {
    return f.truth(true);
  }
  const FormulaId text = f.variable(world.text(name));
  if (is_literal(pattern)) {
    return f.text_in(text, std::vector<std::string>{pattern});
  }
  const std::string key = "0glob " + pattern;
  uint32_t set = f.find_set(key);
  if (set == UINT32_MAX) {
    std::optional<Automaton> automaton = glob_automaton(pattern);
    if (!automaton) {
      world.opaque.emplace(Digest().add(key).text(), Opaque{nullptr, {}, "the target `" + pattern + "`"});
      return f.variable(world.truth("?" + Digest().add(key).add(name).text()));
    }
    set = f.automaton_set(key, std::move(*automaton));
  }
  return f.text_in(text, set);
}

std::string instance(const std::string& pattern, const std::string& fallback) {
  std::string out;
  for (const char c : pattern) {
    out += c == '*' ? "" : (c == '?' ? "x" : std::string(1, c));
  }
  return out.empty() ? fallback : out;
}

}  // namespace

bool is_literal(std::string_view pattern) { return pattern.find_first_of("*?") == std::string_view::npos; }

FormulaId Rules::target(ir::TargetId target) {
  Formulas& f = world_.formulas;
  const std::vector<ir::TargetPattern>& patterns = module().targets[target.index].patterns;
  if (patterns.empty()) {
    return f.truth(true);
  }
  std::vector<FormulaId> any;
  for (const ir::TargetPattern& pattern : patterns) {
    any.push_back(
        f.both(matches(world_, "call.server", pattern.server), matches(world_, "call.tool", pattern.tool)));
  }
  return f.any_of(any);
}

const Rules::Meaning& Rules::meaning(uint32_t rule) {
  if (!cached_[rule]) {
    const ir::Rule& r = module().rules[rule];
    const Symbolic::Condition c = symbolic_.condition(r.condition);
    cached_[rule] = Meaning{target(r.target), c.yes, c.no};
  }
  return *cached_[rule];
}

FormulaId Rules::applies(uint32_t rule) {
  Formulas& f = world_.formulas;
  const Meaning& m = meaning(rule);
  const ir::Rule& r = module().rules[rule];
  const bool only_true = r.on_error == ir::OnError::Skip ||
                         (r.on_error == ir::OnError::Usual && r.verdict == ir::VerdictKind::Allow);
  return f.both(m.target, only_true ? m.holds : f.negate(m.refuses));
}

void Rules::parts(ir::ExprId condition, ir::Op op, std::vector<ir::ExprId>& out) const {
  const ir::Module& m = symbolic_.module();
  const ir::Expr& e = m.expr(condition);
  if (e.op == op) {
    parts(m.operand(e, 0), op, out);
    parts(m.operand(e, 1), op, out);
  } else {
    out.push_back(condition);
  }
}

Witness Rules::base(abi::Hook hook, ir::TargetId target) const {
  Witness out;
  out.hook = hook;
  const std::vector<ir::TargetPattern>& patterns = symbolic_.module().targets[target.index].patterns;
  if (!patterns.empty()) {
    out.server = instance(patterns.front().server, "server");
    out.tool = instance(patterns.front().tool, "tool");
  }
  if (hook == abi::Hook::Result) {
    out.result = "{}";
  }
  if (hook == abi::Hook::ListTools) {
    out.definition = "{}";
  }
  return out;
}

}  // namespace catalyst::analysis
