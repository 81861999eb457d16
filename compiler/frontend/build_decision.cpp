#include "compiler/frontend/build_ast.h"
#include "compiler/frontend/scan.h"

// Decisions, their tables, and what tests of decisions need.

namespace catalyst::frontend {

using ast::CellTestKind;
using ast::ExprKind;
using diagnostics::Kind;

ast::Decl* Builder::decision(P::DecisionDeclContext* in) {
  auto* out = declare<ast::DecisionDecl>(ast::DeclKind::Decision, in, in->EXPORT());
  out->name = name(in->name());
  if (out->name.text.empty()) {
    return nullptr;
  }
  parameters(in->parameter(), *out);
  out->result = type(in->type());
  if (P::TableContext* of = in->table()) {
    out->is_table = true;
    table(of, *out);
  } else if (P::DecisionRulesContext* rules = in->decisionRules()) {
    for (P::DecisionRuleContext* each : rules->decisionRule()) {
      ast::DecisionRule rule;
      rule.name = name(each->name());
      rule.condition = expression(each->expression(0));
      rule.value = expression(each->expression(1));
      rule.span = span(each);
      if (!rule.name.text.empty()) {
        out->rules.push_back(std::move(rule));
      }
    }
    for (P::OtherwiseContext* each : rules->otherwise()) {
      otherwise(each, *out);
    }
  }
  return out;
}

void Builder::parameters(const std::vector<P::ParameterContext*>& in, ast::FnDecl& out) {
  for (P::ParameterContext* parameter : in) {
    if (parameter->name() != nullptr && !parameter->name()->children.empty()) {
      out.parameters.push_back({name(parameter->name()), type(parameter->type())});
    }
  }
}

void Builder::otherwise(P::OtherwiseContext* in, ast::DecisionDecl& out) {
  if (in == nullptr) {
    return;
  }
  if (out.otherwise != nullptr) {
    sink_.report(Kind::DuplicateOtherwise, span(in), {})
        .notes.push_back({out.otherwise_span, "the first one is here"});
    return;
  }
  out.otherwise = expression(in->expression());
  out.otherwise_span = span(in);
}

void Builder::table(P::TableContext* in, ast::DecisionDecl& out) {
  out.policy = name(in->anyName());
  const std::string& policy = out.policy.text;
  if (!policy.empty() && policy != "unique" && policy != "first" && policy != "any" && policy != "collect") {
    auto& report = sink_.report(Kind::UnknownHitPolicy, out.policy.span, {policy});
    const std::string_view near = diagnostics::did_you_mean(policy, {"unique", "first", "any", "collect"});
    if (!near.empty()) {
      report.fixes.push_back(
          {out.policy.span, std::string(near), "did you mean `" + std::string(near) + "`?"});
    }
    out.policy.text = "first";
  }
  for (P::ExpressionContext* header : in->expression()) {
    out.headers.push_back(expression(header));
  }
  for (P::TableRowContext* each : in->tableRow()) {
    if (each->otherwise() != nullptr) {
      otherwise(each->otherwise(), out);
    } else if (!each->children.empty()) {
      row(each, out);
    }
  }
}

void Builder::row(P::TableRowContext* in, ast::DecisionDecl& out) {
  ast::TableRow row;
  row.span = span(in);
  if (in->COLON() != nullptr) {
    row.label = name(in->name());
  }
  for (P::CellContext* each : in->cell()) {
    ast::Cell cell;
    cell.span = span(each);
    cell.negated = each->NOT() != nullptr;
    for (P::CellTestContext* test : each->cellTest()) {
      cell.tests.push_back(cell_test(test));
    }
    row.cells.push_back(std::move(cell));
  }
  row.value = expression(in->expression());
  if (in->NUMBER() != nullptr) {
    antlr4::Token* number_token = in->NUMBER()->getSymbol();
    const ast::Expr* priority = number(number_token).expr;
    if (priority->kind == ExprKind::Number && in->MINUS() == nullptr &&
        static_cast<const ast::NumberExpr*>(priority)->unit.empty() &&
        static_cast<const ast::NumberExpr*>(priority)->digits.find('.') == std::string::npos) {
      row.priority = static_cast<const ast::NumberExpr*>(priority);
    } else {
      source::Span where = span(number_token);
      where.begin = in->MINUS() == nullptr ? where.begin : span(in->MINUS()->getSymbol()).begin;
      sink_.report(Kind::InvalidNumber, where, {text(where)})
          .notes.push_back({{}, "a priority is a whole number from 0; the highest is checked first"});
    }
  }
  if (row.cells.size() != out.headers.size()) {
    if (in->exception == nullptr) {
      wrong_cell_count(row.span, row.cells.size(), out.headers.size(),
                       {out.policy.span, "the table with its columns is here"});
    }
    return;
  }
  out.rows.push_back(std::move(row));
}

void Builder::wrong_cell_count(source::Span row, size_t found, size_t wanted, diagnostics::Note note) {
  sink_
      .report(Kind::WrongCellCount, row,
              {std::to_string(found), found == 1 ? "cell" : "cells", std::to_string(wanted)})
      .notes.push_back(std::move(note));
}

ast::CellTest Builder::cell_test(P::CellTestContext* in) {
  ast::CellTest out;
  out.span = span(in);
  if (in->children.empty() || in->ANY() != nullptr) {
    return out;
  }
  const std::vector<P::CellValueContext*> values = in->cellValue();
  out.value = values.empty() ? nullptr : cell_value(values[0]);
  const auto kind = [&]() {
    switch (in->start->getType()) {
      case P::PRESENT:
        return CellTestKind::Present;
      case P::ABSENT:
        return CellTestKind::Absent;
      case P::LESS:
        return CellTestKind::Less;
      case P::LESS_EQUAL:
        return CellTestKind::LessEqual;
      case P::GREATER:
        return CellTestKind::Greater;
      case P::GREATER_EQUAL:
        return CellTestKind::GreaterEqual;
      case P::MATCHES:
        return CellTestKind::Matches;
      case P::STARTS:
        return CellTestKind::StartsWith;
      case P::ENDS:
        return CellTestKind::EndsWith;
      case P::CONTAINS:
        return CellTestKind::Contains;
      case P::IN:
        return CellTestKind::In;
      default:
        return in->RANGE() != nullptr         ? CellTestKind::Range
               : in->RANGE_BELOW() != nullptr ? CellTestKind::RangeBelow
                                              : CellTestKind::Is;
    }
  };
  out.kind = kind();
  if (out.kind != CellTestKind::Present && out.kind != CellTestKind::Absent && out.value == nullptr) {
    out.value = error(out.span).expr;
  }
  if (out.kind == CellTestKind::Range || out.kind == CellTestKind::RangeBelow) {
    out.high = values.size() < 2 ? error(out.span).expr : cell_value(values[1]);
  }
  return out;
}

const ast::Expr* Builder::cell_value(P::CellValueContext* in) {
  if (in == nullptr || in->primary() == nullptr) {
    return error(span(in)).expr;
  }
  Node value = primary(in->primary());
  for (P::PostfixContext* more : in->postfix()) {
    value = limited(postfix(value, more));
  }
  if (in->MINUS() == nullptr) {
    return value.expr;
  }
  auto* out = make<ast::UnaryExpr>(ExprKind::Unary, span(in));
  out->op = ast::UnaryOp::Negate;
  out->operand = value.expr;
  return limited({out, value.depth + 1}).expr;
}

ast::Decl* Builder::fixture(P::FixtureDeclContext* in) {
  auto* out = declare<ast::FixtureDecl>(ast::DeclKind::Fixture, in);
  out->name = name(in->name());
  if (out->name.text.empty()) {
    return nullptr;
  }
  out->type = in->type() == nullptr ? nullptr : type(in->type());
  out->value = expression(in->expression());
  return out;
}

void Builder::cases(P::CasesContext* in, ast::TestDecl& out) {
  if (in == nullptr) {
    return;
  }
  out.cases_span = span(in);
  for (P::NameContext* column : in->name()) {
    if (!column->children.empty()) {
      out.case_names.push_back(name(column));
    }
  }
  for (P::CaseRowContext* row : in->caseRow()) {
    ast::TestCase each;
    each.span = span(row);
    for (P::ExpectationContext* cell : row->expectation()) {
      if (!cell->children.empty()) {
        each.cells.push_back(expectation(cell));
      }
    }
    if (each.cells.size() != out.case_names.size()) {
      if (row->exception == nullptr) {
        wrong_cell_count(
            each.span, each.cells.size(), out.case_names.size(),
            {out.case_names.empty() ? out.title.span : out.case_names[0].span, "the columns are named here"});
      }
      continue;
    }
    out.cases.push_back(std::move(each));
  }
}

}  // namespace catalyst::frontend
