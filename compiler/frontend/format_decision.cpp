#include "compiler/frontend/format_decision.h"

#include <algorithm>
#include <vector>

#include "compiler/frontend/format.h"
#include "compiler/frontend/format_expr.h"
#include "compiler/frontend/precedence.h"

namespace catalyst::frontend {

using namespace ast;  // every node is named here

namespace {

/// `text`, filled with blanks to a number of columns.
std::string padded(std::string text, size_t columns) {
  const size_t used = columns_of(text);
  return used < columns ? text.append(columns - used, ' ') : text;
}

std::string flat_cell_value(const Expr& expr) {
  if (expr.kind == ExprKind::Unary && static_cast<const UnaryExpr&>(expr).op == UnaryOp::Negate) {
    return "-" + flat(*static_cast<const UnaryExpr&>(expr).operand, kPrimary, false);
  }
  return flat(expr, kPrimary, false);
}

std::string flat_test(const CellTest& test) {
  switch (test.kind) {
    case CellTestKind::Any:
      return "any";
    case CellTestKind::Present:
      return "present";
    case CellTestKind::Absent:
      return "absent";
    case CellTestKind::Is:
      return flat_cell_value(*test.value);
    case CellTestKind::Range:
      return flat_cell_value(*test.value) + ".." + flat_cell_value(*test.high);
    case CellTestKind::RangeBelow:
      return flat_cell_value(*test.value) + "..<" + flat_cell_value(*test.high);
    case CellTestKind::Less:
    case CellTestKind::LessEqual:
    case CellTestKind::Greater:
    case CellTestKind::GreaterEqual:
    case CellTestKind::Matches:
    case CellTestKind::StartsWith:
    case CellTestKind::EndsWith:
    case CellTestKind::Contains:
    case CellTestKind::In:
      return std::string(cell_test_text(test.kind)) + " " + flat_cell_value(*test.value);
  }
  return {};
}

std::string flat_cell(const Cell& cell) {
  std::string out = cell.negated ? "not " : "";
  for (size_t i = 0; i < cell.tests.size(); ++i) {
    out += (i == 0 ? "" : ", ") + flat_test(cell.tests[i]);
  }
  return out;
}

/// Lines of cells: each column as wide as its widest cell.
class Columns {
 public:
  void add(const std::vector<std::string>& cells) {
    widths_.resize(std::max(widths_.size(), cells.size()));
    for (size_t i = 0; i < cells.size(); ++i) {
      widths_[i] = std::max(widths_[i], columns_of(cells[i]));
    }
  }
  /// The last cell is filled only when `tail` follows.
  [[nodiscard]] std::string line(const std::vector<std::string>& cells, std::string_view tail) const {
    std::string out;
    for (size_t i = 0; i < cells.size(); ++i) {
      out += i == 0 ? "" : " | ";
      out += i + 1 == cells.size() && tail.empty() ? cells[i] : padded(cells[i], widths_[i]);
    }
    return out + std::string(tail);
  }
  /// Columns of a whole line without its tail.
  [[nodiscard]] size_t width() const {
    size_t out = widths_.empty() ? 0 : 3 * (widths_.size() - 1);
    for (const size_t width : widths_) {
      out += width;
    }
    return out;
  }

 private:
  std::vector<size_t> widths_;
};

std::vector<std::string> row_cells(const TableRow& row) {
  std::vector<std::string> cells;
  for (const Cell& cell : row.cells) {
    cells.push_back(flat_cell(cell));
  }
  if (!row.label.text.empty()) {
    cells[0].insert(0, row.label.text + ": ");
  }
  return cells;
}

void format_table(Layout& layout, const DecisionDecl& decl) {
  layout.write(" = table " + decl.policy.text + " {");
  layout.end_line(decl.policy.span.end);
  Columns columns;
  std::vector<std::string> headers;
  for (const Expr* header : decl.headers) {
    headers.push_back(flat(*header, kOr, false));
  }
  columns.add(headers);
  for (const TableRow& row : decl.rows) {
    columns.add(row_cells(row));
  }
  layout.begin_item(decl.headers[0]->span.begin, 2);
  layout.write(columns.line(headers, " =>"));
  layout.end_line(decl.headers.back()->span.end);
  for (const TableRow& row : decl.rows) {
    layout.begin_item(row.span.begin, 2);
    layout.write(columns.line(row_cells(row), " => ") + flat(*row.value, kOpen, true));
    if (row.priority != nullptr) {
      layout.write(" priority " + flat(*row.priority, kPrimary, false));
    }
    layout.end_line(row.span.end);
  }
  if (decl.otherwise != nullptr) {
    layout.begin_item(decl.otherwise_span.begin, 2);
    layout.write(padded("otherwise", columns.width()) + " => " + flat(*decl.otherwise, kOpen, true));
    layout.end_line(decl.otherwise_span.end);
  }
}

void format_rule(Layout& layout, const DecisionRule& rule, size_t name_columns, size_t condition_columns) {
  layout.begin_item(rule.span.begin, 2);
  const std::string condition = flat(*rule.condition, kOpen, true);
  if (condition_columns > 0) {
    layout.write("rule " + padded(rule.name.text, name_columns) + " when " +
                 padded(condition, condition_columns) + " => " + flat(*rule.value, kOpen, true));
    layout.end_line(rule.span.end);
    return;
  }
  layout.write("rule " + rule.name.text);
  layout.end_line(rule.name.span.end);
  layout.begin_item(rule.condition->span.begin, 4);
  layout.write("when ");
  layout.expression(*rule.condition, 4);
  layout.end_line(rule.condition->span.end);
  layout.begin_item(rule.value->span.begin, 4);
  layout.write("=> ");
  layout.expression(*rule.value, 4);
  layout.end_line(rule.span.end);
}

void format_rules(Layout& layout, const DecisionDecl& decl) {
  layout.write(" {");
  layout.end_line(decl.result->span.end);
  size_t names = 0;
  size_t conditions = 0;
  size_t values = 0;
  bool aligned = true;
  for (const DecisionRule& rule : decl.rules) {
    names = std::max(names, columns_of(rule.name.text));
    conditions = std::max(conditions, columns_of(flat(*rule.condition, kOpen, true)));
    values = std::max(values, columns_of(flat(*rule.value, kOpen, true)));
    aligned = aligned && !layout.has_comments(rule.span);
  }
  aligned = aligned && 2 + 5 + names + 6 + conditions + 4 + values <= kFormatWidth;
  for (const DecisionRule& rule : decl.rules) {
    format_rule(layout, rule, names, aligned ? conditions : 0);
  }
  if (decl.otherwise != nullptr) {
    layout.begin_item(decl.otherwise_span.begin, 2);
    layout.write(aligned && !decl.rules.empty() ? padded("otherwise", 5 + names + 6 + conditions)
                                                : "otherwise");
    layout.write(" => ");
    layout.expression(*decl.otherwise, 2);
    layout.end_line(decl.otherwise_span.end);
  }
}

std::string flat_expectation(const TestExpectation& expectation) {
  std::string out = expectation_head(expectation);
  if (expectation.value != nullptr) {
    const bool assigns = expectation.what.text == "set" || expectation.what.text == "tag";
    out += (out.empty() ? "" : assigns ? " = " : " ") + flat(*expectation.value, kOpen, true);
  }
  return out + (expectation.by.text.empty() ? "" : " by " + expectation.by.text);
}

}  // namespace

std::string flat_signature(const FnDecl& decl) {
  std::string head = decl.name.text + "(";
  for (size_t i = 0; i < decl.parameters.size(); ++i) {
    head += (i == 0 ? "" : ", ") + decl.parameters[i].name.text + ": " + flat(*decl.parameters[i].type);
  }
  return head + ") -> " + flat(*decl.result);
}

std::string expectation_head(const TestExpectation& expectation) {
  const std::string& what = expectation.what.text;
  if (what == "result") {
    return {};
  }
  std::string out = (expectation.negated ? "not " : "") + (what == "redact" ? "redacted" : what);
  if (expectation.path != nullptr) {
    out += " " + flat(*expectation.path, kOpen, true);
  }
  if (what == "tag") {
    out += " " + flat_key(expectation.word);
  } else if (what == "emit") {
    out += " " + string_literal(expectation.word.text);
  } else if (!expectation.word.text.empty()) {
    out += " " + expectation.word.text;
  }
  if (!expectation.to.text.empty()) {
    out += " to " + flat_key(expectation.to);
  }
  if (!expectation.role.text.empty()) {
    out += " from role " + string_literal(expectation.role.text);
  }
  return out;
}

void format_decision(Layout& layout, const DecisionDecl& decl) {
  layout.write("decision " + flat_signature(decl));
  if (decl.is_table) {
    format_table(layout, decl);
  } else {
    format_rules(layout, decl);
  }
  layout.begin_item(decl.span.end - 1, 0, 2);
  layout.write("}");
}

void format_cases(Layout& layout, const TestDecl& test) {
  if (test.case_names.empty()) {
    return;
  }
  Columns columns;
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> rows;
  for (const Name& name : test.case_names) {
    names.push_back(name.text);
  }
  columns.add(names);
  for (const TestCase& each : test.cases) {
    std::vector<std::string>& cells = rows.emplace_back();
    for (const TestExpectation& cell : each.cells) {
      cells.push_back(flat_expectation(cell));
    }
    columns.add(cells);
  }
  layout.begin_item(test.cases_span.begin, 2);
  layout.write("cases {");
  layout.end_line(test.cases_span.begin + 7);
  layout.begin_item(test.case_names[0].span.begin, 4);
  layout.write(columns.line(names, ""));
  layout.end_line(test.case_names.back().span.end);
  for (size_t i = 0; i < rows.size(); ++i) {
    layout.begin_item(test.cases[i].span.begin, 4);
    layout.write(columns.line(rows[i], ""));
    layout.end_line(test.cases[i].span.end);
  }
  layout.begin_item(test.cases_span.end - 1, 2, 4);
  layout.write("}");
  layout.end_line(test.cases_span.end);
}

}  // namespace catalyst::frontend
