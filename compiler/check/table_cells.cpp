#include "compiler/check/table_cells.h"

#include "compiler/check/decisions.h"
#include "compiler/check/expr.h"
#include "runtime/value/ops.h"

namespace catalyst::check {

using ast::CellTestKind;
using diagnostics::Kind;
using types::TypeKind;
using types::TypeTable;

namespace {

bool has_order(TypeKind kind) {
  return kind == TypeKind::Int || kind == TypeKind::Decimal || kind == TypeKind::Float ||
         kind == TypeKind::String || kind == TypeKind::Time || kind == TypeKind::Duration;
}

std::string key_of(const ir::TableCell& cell) {
  std::string out{cell.absent ? 'a' : '-', cell.negated ? 'n' : '-'};
  for (const ir::TableTest& test : cell.tests) {
    out += std::to_string(static_cast<int>(test.kind)) + (test.low_included ? "[" : "(") +
           std::to_string(test.low.index) + "," + std::to_string(test.high.index) +
           (test.high_included ? "]" : ")");
  }
  return out;
}

}  // namespace

ir::ConstId CellReader::constant(const ast::Expr& expr, TypeId type) {
  Scope scope;
  scope.kind = ScopeKind::Constant;
  ExprChecker checker(pack_, scope);
  const Typed value = checker.convert(checker.infer(expr, type), type, expr);
  if (value.type == TypeTable::kError) {
    return {};
  }
  if (pack_.emitter.constant_value(value.id) == nullptr) {
    pack_.sink.report(Kind::NotConstant, expr.span, {pack_.quote(expr.span)});
    return {};
  }
  return ir::ConstId(pack_.module.expr(value.id).payload);
}

bool CellReader::needs(bool fits, const ast::CellTest& test, std::string_view what) {
  if (!fits && type_ != TypeTable::kError) {
    pack_.sink.report(Kind::OperatorTypes, test.span,
                      {std::string(what), "`" + pack_.types.text(type_) + "`"});
  }
  return fits;
}

void CellReader::add_order(const ast::CellTest& test, ir::TableCell& out) {
  if (!needs(has_order(pack_.types.kind(type_)), test, ast::cell_test_text(test.kind))) {
    return;
  }
  const ir::ConstId bound = constant(*test.value, type_);
  if (!bound.valid()) {
    return;
  }
  ir::TableTest& added = out.tests.emplace_back();
  const bool below = test.kind == CellTestKind::Less || test.kind == CellTestKind::LessEqual;
  (below ? added.high : added.low) = bound;
  added.high_included = test.kind != CellTestKind::Less;
  added.low_included = test.kind != CellTestKind::Greater;
}

void CellReader::add_range(const ast::CellTest& test, ir::TableCell& out) {
  const bool open = test.kind == CellTestKind::RangeBelow;
  if (!needs(has_order(pack_.types.kind(type_)), test, open ? "..<" : "..")) {
    return;
  }
  const ir::ConstId low = constant(*test.value, type_);
  const ir::ConstId high = constant(*test.high, type_);
  if (!low.valid() || !high.valid()) {
    return;
  }
  const value::Value& a = pack_.module.consts[low.index];
  const value::Value& b = pack_.module.consts[high.index];
  const std::partial_ordering order =
      a.kind == value::Kind::Float ? a.a.real <=> b.a.real : std::partial_ordering(value::order(a, b));
  const bool below = order < 0 || (!open && order == 0);
  if (!below) {
    pack_.sink.report(
        Kind::EmptyRange, test.span,
        {"`" + pack_.quote(test.value->span) + "` is not below `" + pack_.quote(test.high->span) + "`"});
  }
  out.tests.push_back({ir::TableTest::Kind::Between, low, high, true, !open});
}

void CellReader::add_text(const ast::CellTest& test, ir::TableCell& out) {
  if (!needs(pack_.types.kind(type_) == TypeKind::String, test, ast::cell_test_text(test.kind))) {
    return;
  }
  ir::ConstId text = constant(*test.value, TypeTable::kString);
  if (!text.valid()) {
    return;
  }
  using To = ir::TableTest::Kind;
  To kind = test.kind == CellTestKind::StartsWith ? To::Prefix
            : test.kind == CellTestKind::EndsWith ? To::Suffix
            : test.kind == CellTestKind::Contains ? To::Contains
                                                  : To::Glob;
  const std::string_view pattern = pack_.module.consts[text.index].text();
  if (kind == To::Glob && pattern.find_first_of("*?") == std::string_view::npos) {
    out.tests.push_back(is_test(pack_, pack_.module.consts[text.index], type_));
    return;
  }
  if (kind == To::Glob && pattern.find_first_of("*?") == pattern.size() - 1 && pattern.back() == '*') {
    kind = To::Prefix;
    text = pack_.emitter.constant_id(value::Value::of_string(pattern.substr(0, pattern.size() - 1)),
                                     TypeTable::kString);
  }
  out.tests.push_back({kind, text, {}, true, true});
}

/// `in operators`, `in "10.0.0.0/8"`.
void CellReader::add_members(const ast::CellTest& test, ir::TableCell& out) {
  const Symbol* symbol =
      test.value->kind == ast::ExprKind::Name
          ? pack_.names.find(static_cast<const ast::NameExpr&>(*test.value).name, test.value->span.file)
          : nullptr;
  ir::ConstId members;
  if (symbol != nullptr && symbol->kind == SymbolKind::List) {
    const Typed list = pack_.use_list(symbol->index, test.value->span);
    if (list.type == TypeTable::kError) {
      return;
    }
    const TypeKind kind = pack_.types.kind(list.type);
    const bool fits =
        (kind == TypeKind::List || kind == TypeKind::Set) && pack_.types.get(list.type).element == type_;
    if (!fits) {
      pack_.sink.report(
          Kind::TypeMismatch, test.value->span,
          {"a list of `" + pack_.types.text(type_) + "`", "`" + pack_.types.text(list.type) + "`"});
      return;
    }
    members = ir::ConstId(pack_.module.expr(list.id).payload);
  } else if (type_ == TypeTable::kIp && test.value->kind == ast::ExprKind::String) {
    members = constant(*test.value, type_);
  } else {
    members = constant(*test.value, pack_.types.set_of(type_));
  }
  if (!members.valid()) {
    return;
  }
  const value::Value value = pack_.module.consts[members.index];
  if (value.kind != value::Kind::List) {
    out.tests.push_back(is_test(pack_, value, type_));
    return;
  }
  for (uint32_t i = 0; i < value.length; ++i) {
    out.tests.push_back(is_test(pack_, value.a.items[i], type_));
  }
}

void CellReader::add_test(const ast::CellTest& test, ir::TableCell& out, bool& everything) {
  switch (test.kind) {
    case CellTestKind::Any:
      everything = true;
      out.absent = true;
      return;
    case CellTestKind::Present:
    case CellTestKind::Absent:
      if (!pack_.types.is_optional(column_.type) && type_ != TypeTable::kError) {
        pack_.sink.report(Kind::AlwaysPresent, test.span,
                          {"this column", "`" + pack_.types.text(type_) + "`"});
      }
      (test.kind == CellTestKind::Present ? everything : out.absent) = true;
      return;
    case CellTestKind::Is:
      if (const ir::ConstId value = constant(*test.value, type_); value.valid()) {
        out.tests.push_back(is_test(pack_, pack_.module.consts[value.index], type_));
      }
      return;
    case CellTestKind::Range:
    case CellTestKind::RangeBelow:
      return add_range(test, out);
    case CellTestKind::Less:
    case CellTestKind::LessEqual:
    case CellTestKind::Greater:
    case CellTestKind::GreaterEqual:
      return add_order(test, out);
    case CellTestKind::Matches:
    case CellTestKind::StartsWith:
    case CellTestKind::EndsWith:
    case CellTestKind::Contains:
      return add_text(test, out);
    case CellTestKind::In:
      return add_members(test, out);
  }
}

bool CellReader::read(const ast::Cell& cell) {
  ir::TableCell out;
  bool everything = false;
  for (const ast::CellTest& test : cell.tests) {
    add_test(test, out, everything);
  }
  if (everything) {
    out.tests.clear();  // the others add nothing to it
  }
  // `not gold` is about values that are there; only `not present` is about one that is not.
  const bool presence = everything && !out.absent;
  out.negated = everything != cell.negated;
  out.absent = cell.negated ? presence : out.absent;
  const auto [known, added] = known_.try_emplace(key_of(out), static_cast<uint32_t>(column_.cells.size()));
  column_.rows.push_back(known->second);
  const bool may_be_absent = out.absent;
  if (added) {
    column_.cells.push_back(std::move(out));
  }
  return may_be_absent;
}

}  // namespace catalyst::check
