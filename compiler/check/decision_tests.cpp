#include "compiler/check/decision_tests.h"

#include <algorithm>

#include "compiler/check/expr.h"
#include "runtime/value/json_text.h"

namespace catalyst::check {

using diagnostics::Kind;

namespace {

using Expectation = ir::TestExpectation;

class DecisionTest : TestBase {
 public:
  using TestBase::TestBase;

  ir::Test check() {
    for (const ast::TestGiven& given : test_.givens) {
      pack_.sink.report(Kind::UnknownGiven, given.subject.span, {given.subject.text})
          .notes.push_back({test_.call->span, "a decision knows its arguments alone"});
    }
    check_call();
    for (const ast::TestExpectation& expectation : test_.expectations) {
      check_result_of_call(resolved(expectation));
    }
    return std::move(out_);
  }

 private:
  /// `shipping_fee(order)`: arguments by name, as JSON.
  void check_call() {
    const auto* call =
        test_.call->kind == ast::ExprKind::Call ? static_cast<const ast::CallExpr*>(test_.call) : nullptr;
    const auto* name = call != nullptr && call->callee->kind == ast::ExprKind::Name
                           ? static_cast<const ast::NameExpr*>(call->callee)
                           : nullptr;
    const Symbol* symbol = name == nullptr ? nullptr : pack_.names.find(name->name, name->span.file);
    if (symbol == nullptr || symbol->kind != SymbolKind::Function ||
        pack_.names.functions[symbol->index]->kind != ast::DeclKind::Decision) {
      return not_a_decision(name == nullptr ? pack_.quote(test_.call->span) : name->name);
    }
    decision_ = static_cast<const ast::DecisionDecl*>(pack_.names.functions[symbol->index]);
    out_.decision = decision_->name.text;
    const std::vector<TypeId> types = pack_.parameters(symbol->index);
    result_ = pack_.result(symbol->index);
    if (types.size() != call->arguments.size()) {
      auto& diagnostic = pack_.sink.report(
          Kind::WrongArguments, call->span,
          {name->name, std::to_string(types.size()) + " arguments", std::to_string(call->arguments.size())});
      diagnostic.notes.push_back({decision_->name.span, "declared here"});
      return;
    }
    out_.args = "{";
    for (size_t i = 0; i < types.size(); ++i) {
      out_.args += (i == 0 ? "" : ",") + value::json_string(decision_->parameters[i].name.text) + ":" +
                   json(*call->arguments[i], types[i]).value_or("null");
    }
    out_.args += "}";
  }

  void not_a_decision(const std::string& found) {
    std::vector<std::string_view> decisions;
    for (const ast::FnDecl* function : pack_.names.functions) {
      if (function->kind == ast::DeclKind::Decision) {
        decisions.push_back(function->name.text);
      }
    }
    auto& diagnostic = pack_.sink.report(Kind::NotADecision, test_.call->span, {found});
    suggest(diagnostic, test_.call->span, found, decisions);
  }

  void check_result_of_call(const ast::TestExpectation& expected) {
    if (decision_ == nullptr) {
      return;
    }
    Expectation out;
    out.span = expected.span;
    out.by = expected.by.text;
    out.negated = expected.negated;
    check_row(expected.by);
    if (expected.what.text == "error") {
      out.kind = Expectation::Kind::Error;
      if (check_error(expected.word, out)) {
        out_.expectations.push_back(std::move(out));
      }
      return;
    }
    if (expected.what.text != "result") {
      pack_.sink.report(Kind::ExpectationNotHere, expected.what.span,
                        {pack_.quote(expected.what.span), "a decision"});
      return;
    }
    out.kind = Expectation::Kind::Result;
    if (std::optional<std::string> text = json(*expected.value, result_)) {
      out.text = std::move(*text);
      out_.expectations.push_back(std::move(out));
    }
  }

  /// `by NAME`, `by row 3`, `by otherwise`.
  void check_row(const ast::Name& by) {
    if (by.text.empty() || (by.text == "otherwise" && decision_->otherwise != nullptr)) {
      return;
    }
    std::vector<std::string> rows;
    for (const ast::DecisionRule& rule : decision_->rules) {
      rows.push_back(rule.name.text);
    }
    for (size_t i = 0; i < decision_->rows.size(); ++i) {
      const std::string& label = decision_->rows[i].label.text;
      rows.push_back(label.empty() ? "row " + std::to_string(i + 1) : label);
    }
    if (std::find(rows.begin(), rows.end(), by.text) == rows.end()) {
      auto& diagnostic = pack_.sink.report(Kind::UnknownRule, by.span, {by.text});
      diagnostic.notes.push_back({decision_->name.span, "the decision is declared here"});
      suggest(diagnostic, by.span, by.text, {rows.begin(), rows.end()});
    }
  }

  const ast::DecisionDecl* decision_ = nullptr;
  TypeId result_;
};

}  // namespace

ir::Test check_decision_test(Pack& pack, const ast::TestDecl& test, const CaseNames& cases) {
  return DecisionTest(pack, test, cases).check();
}

ir::Test check_claims(Pack& pack, const ast::TestDecl& test) {
  ir::Test out{};
  out.title = test.title.text;
  out.span = test.title.span;
  for (const ast::Expr* expect : test.expects) {
    Scope scope;
    scope.kind = ScopeKind::Function;
    scope.in_test = true;
    const ExprId condition = ExprChecker(pack, scope).condition(*expect);
    pack.check_locals(scope, expect->span);
    ir::TestClaim claim{expect->span, condition, {}, {}, scope.local_peak};
    const ir::Expr& expr = pack.module.expr(condition);
    if (expr.op == Op::Eq) {
      claim.left = pack.module.operand(expr, 0);
      claim.right = pack.module.operand(expr, 1);
    }
    out.claims.push_back(claim);
  }
  return out;
}

}  // namespace catalyst::check
