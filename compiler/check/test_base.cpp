#include "compiler/check/test_base.h"

#include <algorithm>
#include <vector>

#include "compiler/check/expr.h"
#include "runtime/value/ops.h"

namespace catalyst::check {

using diagnostics::Kind;
using types::TypeTable;

namespace {

std::vector<std::string_view> error_names() {
  std::vector<std::string_view> out;
  for (int i = 1; i <= static_cast<int>(value::Status::NoSuchZone); ++i) {
    out.push_back(value::status_name(static_cast<value::Status>(i)));
  }
  return out;
}

}  // namespace

TestBase::TestBase(Pack& pack, const ast::TestDecl& test, const CaseNames& cases)
    : pack_(pack), test_(test), cases_(cases) {
  scope_.kind = ScopeKind::Constant;
  scope_.cases = &cases_;
  out_.title = test.title.text;
  out_.span = test.title.span;
  out_.principal = out_.session = out_.client = out_.args = "{}";
  out_.labels = "[]";
}

const ast::TestExpectation* TestBase::cell(std::string_view name) const {
  const auto found = cases_.find(name);
  return found == cases_.end() ? nullptr : found->second;
}

ast::TestExpectation TestBase::resolved(const ast::TestExpectation& expected) const {
  ast::TestExpectation out = expected;
  if (expected.what.text == "result" && expected.value->kind == ast::ExprKind::Name) {
    if (const ast::TestExpectation* in = cell(static_cast<const ast::NameExpr&>(*expected.value).name)) {
      out = *in;
      out.by = expected.by.text.empty() ? in->by : expected.by;
    }
  }
  // What stands behind `by` in a cell is a rule, whatever the columns are called.
  const ast::TestExpectation* by = expected.by.text.empty() ? nullptr : cell(expected.by.text);
  if (by != nullptr && by->what.text == "result" && by->value->kind == ast::ExprKind::Name) {
    out.by = {static_cast<const ast::NameExpr&>(*by->value).name, by->value->span};
  } else if (by != nullptr && by->what.text == "result" && by->value->kind == ast::ExprKind::String) {
    out.by = {static_cast<const ast::StringExpr&>(*by->value).plain(), by->value->span};
  }
  return out;
}

const value::Value* TestBase::constant(const ast::Expr& expr, TypeId type) {
  ExprChecker checker(pack_, scope_);
  Typed value = checker.infer(expr, type);
  if (type.valid()) {
    value = checker.convert(value, type, expr);
  }
  if (value.type == TypeTable::kError) {
    return nullptr;
  }
  const value::Value* found = pack_.emitter.constant_value(value.id);
  if (found == nullptr) {
    pack_.sink.report(Kind::NotConstant, expr.span, {pack_.quote(expr.span)});
  }
  return found;
}

std::optional<std::string> TestBase::json(const ast::Expr& expr, TypeId type) {
  const value::Value* found = constant(expr, type);
  if (found == nullptr) {
    return std::nullopt;
  }
  std::string out;
  value::append_json(out, *found);
  return out;
}

bool TestBase::text(const ast::Expr& expr, TypeId type, std::string& out) {
  const value::Value* found = constant(expr, type);
  if (found != nullptr) {
    value::append_text(out, *found);
  }
  return found != nullptr;
}

bool TestBase::check_error(const ast::Name& name, ir::TestExpectation& out) {
  const std::vector<std::string_view> names = error_names();
  out.text = name.text;
  if (name.text.empty() || std::find(names.begin(), names.end(), name.text) != names.end()) {
    return true;
  }
  auto& diagnostic = pack_.sink.report(Kind::UnknownErrorName, name.span, {name.text});
  suggest(diagnostic, name.span, name.text, names);
  return false;
}

}  // namespace catalyst::check
