#include "compiler/analysis/mutate.h"

#include <algorithm>
#include <set>
#include <utility>

namespace catalyst::analysis {
namespace {

using ir::ExprId;
using ir::Op;
using Kind = Mutation::Kind;

std::string quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string_view written(Op op) {
  switch (op) {
    case Op::Eq:
      return "==";
    case Op::Ne:
      return "!=";
    case Op::Lt:
      return "<";
    case Op::Le:
      return "<=";
    case Op::Gt:
      return ">";
    case Op::Ge:
      return ">=";
    default:
      return ir::op_text(op);
  }
}

/// The operators that a slip of the pen would put there.
std::vector<Op> neighbours(Op op) {
  switch (op) {
    case Op::And:
      return {Op::Or};
    case Op::Or:
      return {Op::And};
    case Op::Lt:
      return {Op::Le};
    case Op::Le:
      return {Op::Lt};
    case Op::Gt:
      return {Op::Ge};
    case Op::Ge:
      return {Op::Gt};
    case Op::Any:
      return {Op::All};
    case Op::All:
      return {Op::Any};
    case Op::SubsetOf:
      return {Op::Intersects};
    default:
      return {};
  }
}

class Collector {
 public:
  explicit Collector(const ir::Module& module) : module_(module) {}

  std::vector<Mutation> run() {
    for (rule_ = 0; rule_ < module_.rules.size(); ++rule_) {
      const ir::Rule& rule = module_.rules[rule_];
      if (rule.shadow) {
        continue;  // no test sees what it does
      }
      if (rule.condition.valid()) {
        visit(rule.condition);
        add(Kind::NoCondition, ExprId(), module_.expr_spans[rule.condition.index],
            "the condition is left out");
      }
      for (uint32_t i = 0; i < rule.effects.size(); ++i) {
        add(Kind::DropEffect, ExprId(), rule.effects[i].span, "the effect is left out");
        out_.back().effect = i;
      }
      if (rule.verdict != ir::VerdictKind::None) {
        add(Kind::OtherVerdict, ExprId(), rule.span,
            rule.verdict == ir::VerdictKind::Allow ? "`allow` becomes `deny`" : "`deny` becomes `allow`");
      }
      add(Kind::DropRule, ExprId(), rule.span, "the rule is left out");
    }
    return std::move(out_);
  }

 private:
  void add(Kind kind, ExprId expr, ir::Span span, std::string text) {
    out_.push_back({kind, rule_, expr, {}, 0, span, std::move(text)});
  }

  /// Does the expression stand in front of its rule's name? Then an annotation made it.
  bool is_annotation(ir::Span span) const {
    const ir::Span name = module_.rules[rule_].span;
    return span.file == name.file && span.end <= name.begin;
  }

  void visit(ExprId id) {
    const ir::Expr& e = module_.expr(id);
    const ir::Span span = module_.expr_spans[id.index];
    if (!named_ && is_annotation(span)) {
      if (e.op == Op::And) {  // of the annotation and the condition
        visit(module_.operand(e, 1));
      }
      return;
    }
    if (!seen_.insert(id.index).second) {
      return;
    }
    const bool truth = module_.types.kind(e.type) == types::TypeKind::Bool;
    for (const Op op : neighbours(e.op)) {
      add(Kind::Operator, id, span, quoted(written(e.op)) + " becomes " + quoted(written(op)));
      out_.back().becomes = op;
    }
    if (e.op == Op::And || e.op == Op::Or) {
      add(Kind::KeepLeft, id, span, "the right side of " + quoted(written(e.op)) + " is left out");
      add(Kind::KeepRight, id, span, "the left side of " + quoted(written(e.op)) + " is left out");
    } else if (truth && e.op != Op::Not && e.op != Op::Fact && e.op != Op::Const && e.op != Op::Coalesce &&
               e.op != Op::If && e.op != Op::CallFn) {
      add(Kind::Negate, id, span, "the test becomes its opposite");
    }
    if (e.op == Op::Fact) {
      visit_named(module_.facts[e.payload].name, module_.facts[e.payload].value);
    }
    if (e.op == Op::CallFn) {
      visit_named(module_.functions[e.payload].name, module_.functions[e.payload].body);
    }
    for (uint32_t i = 0; i < e.operand_count; ++i) {
      visit(module_.operand(e, i));
    }
  }

  /// A fact or function, unless it was imported: its own pack tests it.
  void visit_named(const std::string& name, ExprId body) {
    if (name.find('.') != std::string::npos) {
      return;
    }
    const bool outer = std::exchange(named_, true);
    visit(body);
    named_ = outer;
  }

  const ir::Module& module_;
  uint32_t rule_ = 0;
  bool named_ = false;  // inside a fact or function
  std::set<uint32_t> seen_;
  std::vector<Mutation> out_;
};

}  // namespace

std::vector<Mutation> mutations(const ir::Module& module) { return Collector(module).run(); }

Mutant::Mutant(ir::Module& module, const Mutation& mutation)
    : module_(module),
      rule_(mutation.rule),
      expr_(mutation.expr),
      saved_rule_(module.rules[mutation.rule]),
      exprs_(module.exprs.size()),
      operands_(module.operands.size()) {
  if (expr_.valid()) {
    saved_expr_ = module.exprs[expr_.index];
  }
  ir::Rule& rule = module.rules[rule_];
  switch (mutation.kind) {
    case Kind::Operator:
      module.exprs[expr_.index].op = mutation.becomes;
      break;
    case Kind::Negate: {
      const auto inner = static_cast<uint32_t>(module.exprs.size());
      module.exprs.push_back(saved_expr_);
      module.expr_spans.push_back(module.expr_spans[expr_.index]);
      ir::Expr& outer = module.exprs[expr_.index];
      outer.op = Op::Not;
      outer.payload = 0;
      outer.operands_begin = static_cast<uint32_t>(module.operands.size());
      outer.operand_count = 1;
      module.operands.emplace_back(inner);
      break;
    }
    case Kind::KeepLeft:
    case Kind::KeepRight:
      module.exprs[expr_.index] =
          module.expr(module.operand(saved_expr_, mutation.kind == Kind::KeepLeft ? 0 : 1));
      break;
    case Kind::NoCondition:
      rule.condition = ExprId();
      break;
    case Kind::OtherVerdict:
      rule.verdict = rule.verdict == ir::VerdictKind::Allow ? ir::VerdictKind::Deny : ir::VerdictKind::Allow;
      break;
    case Kind::DropEffect:
      rule.effects.erase(rule.effects.begin() + mutation.effect);
      break;
    case Kind::DropRule:
      rule.verdict = ir::VerdictKind::None;
      rule.effects.clear();
      break;
  }
}

Mutant::~Mutant() {
  module_.rules[rule_] = std::move(saved_rule_);
  if (expr_.valid()) {
    module_.exprs[expr_.index] = saved_expr_;
  }
  module_.exprs.resize(exprs_);
  module_.expr_spans.resize(exprs_);
  module_.operands.resize(operands_);
}

}  // namespace catalyst::analysis
