#include "compiler/check/tests.h"

#include <algorithm>

#include "compiler/check/effects.h"
#include "compiler/check/expr.h"
#include "compiler/check/inputs.h"
#include "compiler/check/rules.h"
#include "compiler/check/servers.h"
#include "runtime/value/json_text.h"
#include "runtime/value/ops.h"

namespace catalyst::check {

using diagnostics::Kind;
using types::TypeTable;

namespace {

using Expectation = ir::TestExpectation;

constexpr std::pair<std::string_view, Expectation::Kind> kExpectations[] = {
    {"allow", Expectation::Kind::Allow},   {"deny", Expectation::Kind::Deny},
    {"hidden", Expectation::Kind::Hidden}, {"listed", Expectation::Kind::Listed},
    {"set", Expectation::Kind::Set},       {"redact", Expectation::Kind::Redact},
    {"audit", Expectation::Kind::Audit},   {"tag", Expectation::Kind::Tag},
    {"error", Expectation::Kind::Error},   {"message", Expectation::Kind::Message},
    {"result", Expectation::Kind::Result},
};

bool expected_on(Expectation::Kind kind, abi::Hook hook) {
  switch (kind) {
    case Expectation::Kind::Allow:
    case Expectation::Kind::Deny:
    case Expectation::Kind::Message:
      return hook != abi::Hook::ListTools;
    case Expectation::Kind::Hidden:
    case Expectation::Kind::Listed:
      return hook == abi::Hook::ListTools;
    case Expectation::Kind::Set:
      return hook == abi::Hook::Call;
    case Expectation::Kind::Redact:
      return hook == abi::Hook::Result;
    case Expectation::Kind::Audit:
    case Expectation::Kind::Tag:
    case Expectation::Kind::Error:
      return true;
    case Expectation::Kind::Result:
      return false;
  }
  return false;
}

std::vector<std::string_view> error_names() {
  std::vector<std::string_view> out;
  for (int i = 1; i <= static_cast<int>(value::Status::TooDeep); ++i) {
    out.push_back(value::status_name(static_cast<value::Status>(i)));
  }
  return out;
}

/// One run of a test block: all of it, or with one row of its cases. Everything in it is constant, so its
/// data leave here as JSON texts.
class TestChecker {
 public:
  TestChecker(Pack& pack, const ast::TestDecl& test, const CaseNames& cases)
      : pack_(pack), test_(test), cases_(cases), tools_(tools(pack, test)) {
    scope_.kind = ScopeKind::Constant;
    scope_.cases = &cases_;
    out_.title = test.title.text;
    out_.span = test.title.span;
    out_.principal = out_.session = out_.client = out_.args = "{}";
  }

  ir::Test check_decision() {
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

  ir::Test check(abi::Hook hook) {
    out_.hook = hook;
    out_.server = test_.target.server;
    out_.tool = test_.target.tool;
    for (const ast::TestGiven& given : test_.givens) {
      check_given(given);
    }
    if (test_.input != nullptr) {
      out_.args = json(*test_.input, optional_fields(tools_.args)).value_or("{}");
    }
    check_result();
    if (out_.hook == abi::Hook::ListTools) {
      out_.definition = tools_.members.empty() ? "{\"name\":" + value::json_string(out_.tool) + "}"
                                               : tools_.members[0].tool->definition();
    }
    for (const ast::TestExpectation& expectation : test_.expectations) {
      check_expectation(resolved(expectation));
    }
    return std::move(out_);
  }

 private:
  static const ToolSet& tools(Pack& pack, const ast::TestDecl& test) {
    return test.call != nullptr ? pack.catalogue.everything_leniently()
                                : pack.catalogue.match(check_targets(pack, {test.target}));
  }

  /// The cell that stands under a name of a case; nullptr when it is no such name.
  const ast::TestExpectation* cell(std::string_view name) const {
    const auto found = cases_.find(name);
    return found == cases_.end() ? nullptr : found->second;
  }

  /// `then outcome` and `by rule`, with what the case at hand says.
  ast::TestExpectation resolved(const ast::TestExpectation& expected) const {
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

  /// `shipping_fee(order)`: arguments by name, as JSON.
  void check_call() {
    const auto* call =
        test_.call->kind == ast::ExprKind::Call ? static_cast<const ast::CallExpr*>(test_.call) : nullptr;
    const auto* name = call != nullptr && call->callee->kind == ast::ExprKind::Name
                           ? static_cast<const ast::NameExpr*>(call->callee)
                           : nullptr;
    const Symbol* symbol = name == nullptr ? nullptr : pack_.names.find(name->name);
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

  /// The value of a constant expression; nullptr after a diagnostic.
  const value::Value* constant(const ast::Expr& expr, TypeId type) {
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

  std::optional<std::string> json(const ast::Expr& expr, TypeId type) {
    const value::Value* found = constant(expr, type);
    if (found == nullptr) {
      return std::nullopt;
    }
    std::string out;
    value::append_json(out, *found);
    return out;
  }

  /// A test gives only the arguments that matter to it.
  TypeId optional_fields(TypeId type) {
    if (pack_.types.kind(type) != types::TypeKind::Record) {
      return type;
    }
    const std::string name = pack_.types.get(type).name;
    std::vector<types::Field> fields = pack_.types.get(type).fields;
    for (types::Field& field : fields) {
      field.type = pack_.types.optional_of(field.type);
    }
    return pack_.types.record_type(name, std::move(fields), true);
  }

  TypeId input_type(InputType type) {
    types::TypeTable& types = pack_.types;
    switch (type) {
      case InputType::String:
      case InputType::OptionalString:
        return types.optional_of(TypeTable::kString);
      case InputType::Int:
        return types.optional_of(TypeTable::kInt);
      case InputType::Bool:
      case InputType::OptionalBool:
        return types.optional_of(TypeTable::kBool);
      case InputType::Ip:
        return types.optional_of(TypeTable::kIp);
      case InputType::Time:
        return types.optional_of(TypeTable::kTime);
      case InputType::Json:
      case InputType::OptionalJson:
      case InputType::Arguments:
        return types.optional_of(TypeTable::kJson);
      case InputType::StringSet:
        return types.optional_of(types.set_of(TypeTable::kString));
      case InputType::JsonList:
        return types.optional_of(types.list_of(TypeTable::kJson));
      case InputType::Structured:
        return types.optional_of(tools_.structured);
    }
    return TypeTable::kError;
  }

  void check_given(const ast::TestGiven& given) {
    const std::string& subject = given.subject.text;
    if (subject == "now") {
      if (const value::Value* now = constant(*given.value, TypeTable::kTime)) {
        out_.now_us = now->a.integer;
      }
      return;
    }
    if (subject != "principal" && subject != "session" && subject != "client") {
      auto& diagnostic = pack_.sink.report(Kind::UnknownGiven, given.subject.span, {subject});
      suggest(diagnostic, given.subject.span, subject, {"principal", "session", "client", "now"});
      return;
    }
    std::vector<types::Field> fields;
    for (const std::string_view member : input_members(subject)) {
      fields.push_back({std::string(member), input_type(find_input(subject, member)->type)});
    }
    const TypeId type = pack_.types.record_type(subject, std::move(fields), true);
    std::string& place = subject == "principal" ? out_.principal
                         : subject == "session" ? out_.session
                                                : out_.client;
    place = json(*given.value, type).value_or("{}");
  }

  void check_result() {
    const bool on_result = out_.hook == abi::Hook::Result;
    if (on_result && test_.result == nullptr) {
      pack_.sink.report(Kind::ResultNotHere, test_.target.span,
                        {"a test of the hook `result` says what comes back: `returning { ... }`"});
    } else if (!on_result && test_.result != nullptr) {
      pack_.sink.report(Kind::ResultNotHere, test_.result->span,
                        {"only a test of the hook `result` has a result"});
    }
    if (!on_result || test_.result == nullptr) {
      return;
    }
    if (test_.result->kind == ast::ExprKind::Record) {
      out_.result = result_members(static_cast<const ast::RecordExpr&>(*test_.result));
    } else if (const auto text = json(*test_.result, TypeTable::kString)) {
      out_.result = "{\"content\":[{\"type\":\"text\",\"text\":" + *text + "}]}";
    }
  }

  /// `{ structured: {...} }` with the names that MCP uses.
  std::string result_members(const ast::RecordExpr& record) {
    std::string out = "{";
    bool content = false;
    for (const ast::FieldInit& field : record.fields) {
      const InputMember* member = find_input("result", field.name.text);
      if (member == nullptr) {
        auto& diagnostic =
            pack_.sink.report(Kind::UnknownField, field.name.span, {field.name.text, "`result`"});
        suggest(diagnostic, field.name.span, field.name.text, input_members("result"));
        continue;
      }
      content = content || member->path == "content";
      out += (out.size() == 1 ? "" : ",") + value::json_string(member->path) + ":" +
             json(*field.value, input_type(member->type)).value_or("null");
    }
    if (!content) {
      out += out.size() == 1 ? "\"content\":[]" : ",\"content\":[]";
    }
    return out + "}";
  }

  void check_by(const ast::Name& by) {
    if (by.text.empty()) {
      return;
    }
    const auto found = pack_.names.rule_index.find(by.text);
    if (found == pack_.names.rule_index.end()) {
      std::vector<std::string_view> rules;
      for (const ast::RuleDecl* rule : pack_.names.rules) {
        rules.push_back(rule->name.text);
      }
      auto& diagnostic = pack_.sink.report(Kind::UnknownRule, by.span, {by.text});
      suggest(diagnostic, by.span, by.text, rules);
      return;
    }
    const ast::RuleDecl& rule = *pack_.names.rules[found->second];
    if (rule.hook.text != abi::hook_name(out_.hook)) {
      auto& diagnostic = pack_.sink.report(Kind::RuleNotOnHook, by.span,
                                           {by.text, rule.hook.text, std::string(abi::hook_name(out_.hook))});
      diagnostic.notes.push_back({rule.name.span, "declared here"});
    }
  }

  void check_expectation(const ast::TestExpectation& expected) {
    Expectation out;
    const auto* row = std::find_if(std::begin(kExpectations), std::end(kExpectations),
                                   [&](const auto& each) { return each.first == expected.what.text; });
    if (row == std::end(kExpectations)) {
      return;  // diagnosed when it was read
    }
    out.kind = row->second;
    out.span = expected.span;
    out.by = expected.by.text;
    check_by(expected.by);
    if (!expected_on(out.kind, out_.hook)) {
      pack_.sink.report(Kind::ExpectationNotHere, expected.what.span,
                        {pack_.quote(expected.what.span), std::string(abi::hook_name(out_.hook))});
      return;
    }
    if (check_details(expected, out)) {
      out_.expectations.push_back(std::move(out));
    }
  }

  bool check_details(const ast::TestExpectation& expected, Expectation& out) {
    switch (out.kind) {
      case Expectation::Kind::Allow:
      case Expectation::Kind::Deny:
      case Expectation::Kind::Hidden:
      case Expectation::Kind::Listed:
        return true;
      case Expectation::Kind::Set: {
        TypeId type;
        if (!resolve_set_path(pack_, *expected.path, tools_, out.path, type)) {
          return false;
        }
        const auto text = json(*expected.value, type);
        out.text = text.value_or("");
        return text.has_value();
      }
      case Expectation::Kind::Redact:
        return expected.path == nullptr || resolve_redact_path(pack_, *expected.path, tools_, out.path);
      case Expectation::Kind::Audit:
        out.text = expected.word.text;
        return true;
      case Expectation::Kind::Tag:
        out.key = expected.word.text;
        return expected.value == nullptr || text(*expected.value, TypeId(), out.text);
      case Expectation::Kind::Message:
        return text(*expected.value, TypeTable::kString, out.text);
      case Expectation::Kind::Error:
        return check_error(expected.word, out);
      case Expectation::Kind::Result:
        break;  // decisions alone have results
    }
    return false;
  }

  bool text(const ast::Expr& expr, TypeId type, std::string& out) {
    const value::Value* found = constant(expr, type);
    if (found != nullptr) {
      value::append_text(out, *found);
    }
    return found != nullptr;
  }

  bool check_error(const ast::Name& name, Expectation& out) {
    const std::vector<std::string_view> names = error_names();
    out.text = name.text;
    if (name.text.empty() || std::find(names.begin(), names.end(), name.text) != names.end()) {
      return true;
    }
    auto& diagnostic = pack_.sink.report(Kind::UnknownErrorName, name.span, {name.text});
    suggest(diagnostic, name.span, name.text, names);
    return false;
  }

  Pack& pack_;
  const ast::TestDecl& test_;
  const CaseNames& cases_;
  const ToolSet& tools_;
  const ast::DecisionDecl* decision_ = nullptr;
  TypeId result_;
  Scope scope_;
  ir::Test out_;
};

}  // namespace

void check_tests(Pack& pack) {
  const auto run = [&pack](const ast::TestDecl& test, const CaseNames& cases, const std::string& suffix) {
    TestChecker checker(pack, test, cases);
    const std::optional<abi::Hook> hook = find_hook(test.hook.text);
    if (test.call == nullptr && !hook) {
      return;
    }
    pack.module.tests.push_back(test.call != nullptr ? checker.check_decision() : checker.check(*hook));
    pack.module.tests.back().title += suffix;
  };
  for (const ast::TestDecl* test : pack.names.tests) {
    if (test->case_names.empty()) {
      run(*test, {}, "");
    }
    for (size_t i = 0; i < test->cases.size(); ++i) {
      CaseNames cases;
      for (size_t column = 0; column < test->case_names.size(); ++column) {
        const ast::Name& name = test->case_names[column];
        if (!cases.try_emplace(name.text, &test->cases[i].cells[column]).second && i == 0) {
          pack.sink.report(Kind::DuplicateName, name.span, {"column", name.text});
        }
      }
      run(*test, cases, " (case " + std::to_string(i + 1) + ")");
    }
  }
}

}  // namespace catalyst::check
