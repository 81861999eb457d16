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
    owner_ = Mutation::Owner::Rule;
    for (index_ = 0; index_ < module_.rules.size(); ++index_) {
      if (!module_.rules[index_].shadow) {  // no test sees what that does
        rule(module_.rules[index_]);
      }
    }
    named_ = true;  // nothing of what follows has annotations
    owner_ = Mutation::Owner::Decision;
    for (index_ = 0; index_ < module_.decisions.size(); ++index_) {
      decision(module_.decisions[index_]);
    }
    owner_ = Mutation::Owner::Route;
    for (index_ = 0; index_ < module_.routes.size(); ++index_) {
      route(module_.routes[index_]);
    }
    owner_ = Mutation::Owner::Function;  // those that nothing above calls
    for (index_ = 0; index_ < module_.functions.size(); ++index_) {
      const ir::Function& function = module_.functions[index_];
      visit_named(function.name, function.body);
    }
    return std::move(out_);
  }

 private:
  Mutation& add(Kind kind, ExprId expr, ir::Span span, std::string text) {
    out_.push_back({kind, owner_, index_, expr, {}, 0, 0, false, span, std::move(text)});
    return out_.back();
  }

  void rule(const ir::Rule& rule) {
    if (rule.condition.valid()) {
      visit(rule.condition);
      add(Kind::NoCondition, ExprId(), module_.expr_spans[rule.condition.index], "the condition is left out");
    }
    for (uint32_t i = 0; i < rule.effects.size(); ++i) {
      add(Kind::DropEffect, ExprId(), rule.effects[i].span, "the effect is left out").part = i;
    }
    if (rule.verdict != ir::VerdictKind::None) {
      add(Kind::OtherVerdict, ExprId(), rule.span,
          rule.verdict == ir::VerdictKind::Allow ? "`allow` becomes `deny`" : "`deny` becomes `allow`");
    }
    add(Kind::DropRule, ExprId(), rule.span, "the rule is left out");
  }

  void decision(const ir::Decision& decision) {
    if (is_imported(decision.name)) {
      return;
    }
    visit(module_.functions[decision.function.index].body);
    const ir::Expr& chooser = module_.expr(decision.chooser);
    for (uint32_t row = 0; row < decision.rows.size(); ++row) {
      const ir::Span span = decision.rows[row].span;
      add(Kind::DropRow, ExprId(), span, quoted(decision.rows[row].name) + " is left out").part = row;
      if (chooser.op != Op::FirstTrue) {
        cells(module_.tables[chooser.payload], row, span);
      }
    }
  }

  void cells(const ir::Table& table, uint32_t row, ir::Span span) {
    for (uint32_t i = 0; i < table.columns.size(); ++i) {
      const ir::TableCell& cell = table.columns[i].cells[table.columns[i].rows[row]];
      if (cell.tests.size() != 1 || cell.tests[0].kind != ir::TableTest::Kind::Between ||
          cell.tests[0].low == cell.tests[0].high) {
        continue;
      }
      const ir::TableTest& test = cell.tests[0];
      for (const bool high : {false, true}) {
        const bool included = high ? test.high_included : test.low_included;
        if (!(high ? test.high : test.low).valid()) {
          continue;
        }
        Mutation& out = add(Kind::OtherBound, ExprId(), span,
                            std::string("the ") + (high ? "upper" : "lower") + " bound of cell " +
                                std::to_string(i + 1) + (included ? " is left out" : " is included"));
        out.part = row;
        out.column = i;
        out.high = high;
      }
    }
  }

  void route(const ir::Route& route) {
    for (uint32_t i = 0; i < route.prefers.size(); ++i) {
      visit(route.prefers[i].condition);
      add(Kind::DropPrefer, ExprId(), route.prefers[i].span, "the preference is left out").part = i;
    }
  }

  static bool is_imported(const std::string& name) { return name.find('.') != std::string::npos; }

  /// Does the expression stand in front of its rule's name? Then an annotation made it.
  bool is_annotation(ir::Span span) const {
    const ir::Span name = module_.rules[index_].span;
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
      add(Kind::Operator, id, span, quoted(written(e.op)) + " becomes " + quoted(written(op))).becomes = op;
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
    if (is_imported(name)) {
      return;
    }
    const bool outer = std::exchange(named_, true);
    visit(body);
    named_ = outer;
  }

  const ir::Module& module_;
  Mutation::Owner owner_ = Mutation::Owner::Rule;
  uint32_t index_ = 0;
  bool named_ = false;  // inside a fact or function, a decision or a route
  std::set<uint32_t> seen_;
  std::vector<Mutation> out_;
};

}  // namespace

std::string_view owner_text(Mutation::Owner owner) {
  switch (owner) {
    case Mutation::Owner::Rule:
      return "rule";
    case Mutation::Owner::Decision:
      return "decision";
    case Mutation::Owner::Route:
      return "route";
    case Mutation::Owner::Function:
      return "function";
  }
  return "";
}

const std::string& owner_name(const ir::Module& module, const Mutation& mutation) {
  switch (mutation.owner) {
    case Mutation::Owner::Rule:
      break;
    case Mutation::Owner::Decision:
      return module.decisions[mutation.index].name;
    case Mutation::Owner::Route:
      return module.routes[mutation.index].name;
    case Mutation::Owner::Function:
      return module.functions[mutation.index].name;
  }
  return module.rules[mutation.index].name;
}

std::vector<Mutation> mutations(const ir::Module& module) { return Collector(module).run(); }

Mutant::Mutant(ir::Module& module, const Mutation& mutation)
    : module_(module),
      expr_(mutation.expr),
      exprs_(module.exprs.size()),
      operands_(module.operands.size()),
      consts_(module.consts.size()) {
  switch (mutation.kind) {
    case Kind::Operator:
    case Kind::Negate:
    case Kind::KeepLeft:
    case Kind::KeepRight:
      edit_expr(mutation);
      break;
    case Kind::NoCondition:
    case Kind::OtherVerdict:
    case Kind::DropEffect:
    case Kind::DropRule:
      saved_rule_.emplace(mutation.index, module.rules[mutation.index]);
      edit_rule(mutation, module.rules[mutation.index]);
      break;
    case Kind::DropRow:
      drop_row(mutation);
      break;
    case Kind::OtherBound:
      edit_cell(mutation);
      break;
    case Kind::DropPrefer: {
      std::vector<ir::RoutePrefer>& prefers = module.routes[mutation.index].prefers;
      saved_prefers_.emplace(mutation.index, prefers);
      prefers.erase(prefers.begin() + mutation.part);
      break;
    }
  }
}

uint32_t Mutant::add_expr(const ir::Expr& expr, ExprId like) {
  const auto id = static_cast<uint32_t>(module_.exprs.size());
  module_.exprs.push_back(expr);
  module_.expr_spans.push_back(module_.expr_spans[like.index]);
  return id;
}

void Mutant::edit_expr(const Mutation& mutation) {
  saved_expr_ = module_.exprs[expr_.index];
  if (mutation.kind == Kind::Operator) {
    module_.exprs[expr_.index].op = mutation.becomes;
  } else if (mutation.kind == Kind::Negate) {
    const uint32_t inner = add_expr(saved_expr_, expr_);
    ir::Expr& outer = module_.exprs[expr_.index];
    outer.op = Op::Not;
    outer.payload = 0;
    outer.operands_begin = static_cast<uint32_t>(module_.operands.size());
    outer.operand_count = 1;
    module_.operands.emplace_back(inner);
  } else {
    module_.exprs[expr_.index] =
        module_.expr(module_.operand(saved_expr_, mutation.kind == Kind::KeepLeft ? 0 : 1));
  }
}

void Mutant::edit_rule(const Mutation& mutation, ir::Rule& rule) {
  if (mutation.kind == Kind::NoCondition) {
    rule.condition = ExprId();
  } else if (mutation.kind == Kind::OtherVerdict) {
    rule.verdict = rule.verdict == ir::VerdictKind::Allow ? ir::VerdictKind::Deny : ir::VerdictKind::Allow;
  } else if (mutation.kind == Kind::DropEffect) {
    rule.effects.erase(rule.effects.begin() + mutation.part);
  } else {
    rule.verdict = ir::VerdictKind::None;
    rule.effects.clear();
  }
}

ir::TableColumn& Mutant::save_column(uint32_t decision, uint32_t column) {
  const uint32_t table = module_.expr(module_.decisions[decision].chooser).payload;
  ir::TableColumn& out = module_.tables[table].columns[column];
  saved_column_ = SavedColumn{table, column, out};
  return out;
}

void Mutant::drop_row(const Mutation& mutation) {
  const ExprId chooser = module_.decisions[mutation.index].chooser;
  const ir::Expr e = module_.expr(chooser);
  if (e.op != Op::FirstTrue) {
    ir::TableColumn& column = save_column(mutation.index, 0);
    column.rows[mutation.part] = static_cast<uint32_t>(column.cells.size());
    column.cells.emplace_back();  // holds of nothing
    return;
  }
  const uint32_t place = e.operands_begin + mutation.part;
  saved_operand_.emplace(place, module_.operands[place]);
  ir::Expr never{};
  never.op = Op::Const;
  never.type = types::TypeTable::kBool;
  never.payload = static_cast<uint32_t>(module_.consts.size());
  module_.consts.push_back(value::Value::of_bool(false));
  module_.const_types.push_back(never.type);
  module_.operands[place] = ExprId(add_expr(never, chooser));
}

void Mutant::edit_cell(const Mutation& mutation) {
  ir::TableColumn& column = save_column(mutation.index, mutation.column);
  uint32_t& at = column.rows[mutation.part];
  ir::TableCell cell = column.cells[at];
  bool& included = mutation.high ? cell.tests[0].high_included : cell.tests[0].low_included;
  included = !included;
  at = static_cast<uint32_t>(column.cells.size());
  column.cells.push_back(std::move(cell));
}

Mutant::~Mutant() {
  if (saved_rule_) {
    module_.rules[saved_rule_->first] = std::move(saved_rule_->second);
  }
  if (saved_prefers_) {
    module_.routes[saved_prefers_->first].prefers = std::move(saved_prefers_->second);
  }
  if (saved_operand_) {
    module_.operands[saved_operand_->first] = saved_operand_->second;
  }
  if (saved_column_) {
    module_.tables[saved_column_->table].columns[saved_column_->column] = std::move(saved_column_->was);
  }
  if (expr_.valid()) {
    module_.exprs[expr_.index] = saved_expr_;
  }
  module_.exprs.resize(exprs_);
  module_.expr_spans.resize(exprs_);
  module_.operands.resize(operands_);
  module_.consts.resize(consts_);
  module_.const_types.resize(consts_);
}

}  // namespace catalyst::analysis
