#include "compiler/check/tests.h"

#include <algorithm>
#include <memory>

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
    {"allow", Expectation::Kind::Allow},     {"deny", Expectation::Kind::Deny},
    {"hidden", Expectation::Kind::Hidden},   {"listed", Expectation::Kind::Listed},
    {"set", Expectation::Kind::Set},         {"redact", Expectation::Kind::Redact},
    {"audit", Expectation::Kind::Audit},     {"tag", Expectation::Kind::Tag},
    {"error", Expectation::Kind::Error},     {"message", Expectation::Kind::Message},
    {"result", Expectation::Kind::Result},   {"limit", Expectation::Kind::Limit},
    {"require", Expectation::Kind::Require}, {"emit", Expectation::Kind::Emit},
    {"start", Expectation::Kind::Start},     {"route", Expectation::Kind::Route},
    {"label", Expectation::Kind::Label},
};

bool expected_on(Expectation::Kind kind, abi::Hook hook) {
  switch (kind) {
    case Expectation::Kind::Allow:
    case Expectation::Kind::Deny:
    case Expectation::Kind::Message:
      return effect_allowed(ast::EffectKind::Deny, hook);
    case Expectation::Kind::Hidden:
    case Expectation::Kind::Listed:
      return effect_allowed(ast::EffectKind::Hide, hook);
    case Expectation::Kind::Set:
      return effect_allowed(ast::EffectKind::Set, hook);
    case Expectation::Kind::Redact:
      return effect_allowed(ast::EffectKind::Redact, hook);
    case Expectation::Kind::Limit:
      return effect_allowed(ast::EffectKind::Limit, hook);
    case Expectation::Kind::Require:
      return effect_allowed(ast::EffectKind::Require, hook);
    case Expectation::Kind::Emit:
      return effect_allowed(ast::EffectKind::Emit, hook);
    case Expectation::Kind::Start:
      return effect_allowed(ast::EffectKind::Start, hook);
    case Expectation::Kind::Route:
      return effect_allowed(ast::EffectKind::Route, hook);
    case Expectation::Kind::Label:
      return effect_allowed(ast::EffectKind::Label, hook);
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
  for (int i = 1; i <= static_cast<int>(value::Status::NoSuchZone); ++i) {
    out.push_back(value::status_name(static_cast<value::Status>(i)));
  }
  return out;
}

/// A JSON object that is put together from members at paths.
class JsonObject {
 public:
  /// `path`: names separated by '/'.
  void set(std::string_view path, std::string json) {
    const size_t slash = path.find('/');
    Member& member = find(path.substr(0, slash));
    if (slash == std::string_view::npos) {
      member.json = std::move(json);
    } else {
      if (member.inner == nullptr) {
        member.inner = std::make_unique<JsonObject>();
      }
      member.inner->set(path.substr(slash + 1), std::move(json));
    }
  }
  [[nodiscard]] bool has(std::string_view name) const {
    return std::any_of(members_.begin(), members_.end(), [&](const Member& m) { return m.name == name; });
  }
  [[nodiscard]] std::string text() const {
    std::string out = "{";
    for (const Member& member : members_) {
      out += (out.size() == 1 ? "" : ",") + value::json_string(member.name) + ":" +
             (member.inner != nullptr ? member.inner->text() : member.json);
    }
    return out + "}";
  }

 private:
  struct Member {
    std::string name;
    std::string json;
    std::unique_ptr<JsonObject> inner;
  };
  Member& find(std::string_view name) {
    for (Member& member : members_) {
      if (member.name == name) {
        return member;
      }
    }
    return members_.emplace_back(Member{std::string(name), {}, nullptr});
  }
  std::vector<Member> members_;
};

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
    out_.labels = "[]";
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
    check_input();
    check_result();
    for (const ast::TestExpectation& expectation : test_.expectations) {
      check_expectation(resolved(expectation));
    }
    return std::move(out_);
  }

 private:
  static const ToolSet& tools(Pack& pack, const ast::TestDecl& test) {
    const std::optional<abi::Hook> hook = abi::find_hook(test.hook.text);
    return test.call != nullptr || !hook ? pack.catalogue.everything_leniently()
                                         : tools_of(pack, *hook, check_targets(pack, *hook, {test.target}));
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

  /// What stands after the target: arguments of a tool or prompt, else members of the hook's own input.
  void check_input() {
    const bool on_tool = out_.hook == abi::Hook::Call || out_.hook == abi::Hook::Result;
    if (out_.hook == abi::Hook::ListTools) {
      out_.definition = tools_.members.empty() ? "{\"name\":" + value::json_string(out_.tool) + "}"
                                               : tools_.members[0].tool->definition();
    }
    if (test_.input == nullptr) {
      return;
    }
    if (on_tool) {
      out_.args = json(*test_.input, optional_fields(tools_.args)).value_or("{}");
      return;
    }
    if (out_.hook == abi::Hook::Prompt) {
      JsonObject params;
      params.set("arguments", json(*test_.input, pack_.types.map_of(TypeTable::kString)).value_or("{}"));
      out_.params = params.text();
      return;
    }
    const std::string_view own = own_input(out_.hook);
    const std::string_view root = own.empty() ? "session" : own;
    const auto& record = static_cast<const ast::RecordExpr&>(*test_.input);
    const bool defined = effect_allowed(ast::EffectKind::Hide, out_.hook) || out_.hook == abi::Hook::Read;
    (defined ? out_.definition : out_.params) =
        members(record, root, defined ? abi::InputRoot::ToolDefinition : abi::InputRoot::Params).text();
  }

  /// Members of the input `root` that lie in the text `slot`, with the names that MCP uses.
  JsonObject members(const ast::RecordExpr& record, std::string_view root, abi::InputRoot slot) {
    JsonObject out;
    for (const ast::FieldInit& field : record.fields) {
      const InputMember* member = find_input(root, field.name.text);
      if (member == nullptr || member->slot != slot) {
        auto& diagnostic = pack_.sink.report(Kind::UnknownField, field.name.span,
                                             {field.name.text, "`" + std::string(root) + "`"});
        std::vector<std::string_view> names = input_members(root);
        std::erase_if(names, [&](std::string_view name) {
          const InputMember* each = find_input(root, name);
          return each == nullptr || each->slot != slot;
        });
        suggest(diagnostic, field.name.span, field.name.text, names);
        continue;
      }
      out.set(member->path, json(*field.value, input_type(member->type)).value_or("null"));
    }
    return out;
  }

  TypeId input_type(InputType type) {
    types::TypeTable& types = pack_.types;
    switch (type) {
      case InputType::String:
      case InputType::OptionalString:
        return types.optional_of(TypeTable::kString);
      case InputType::Int:
      case InputType::OptionalInt:
        return types.optional_of(TypeTable::kInt);
      case InputType::OptionalDecimal:
        return types.optional_of(TypeTable::kDecimal);
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
      case InputType::OptionalStringMap:
        return types.optional_of(types.map_of(TypeTable::kString));
      case InputType::JsonList:
      case InputType::OptionalJsonList:
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
    if (subject == "labels") {
      out_.labels = json(*given.value, pack_.types.set_of(TypeTable::kString)).value_or("[]");
      return;
    }
    if (subject != "principal" && subject != "session" && subject != "client") {
      auto& diagnostic = pack_.sink.report(Kind::UnknownGiven, given.subject.span, {subject});
      suggest(diagnostic, given.subject.span, subject, {"principal", "session", "client", "now", "labels"});
      return;
    }
    std::vector<types::Field> fields;
    for (const std::string_view name : input_members(subject)) {
      const InputMember* member = find_input(subject, name);
      if (member->hooks == kEveryHook) {
        fields.push_back({std::string(name), input_type(member->type)});
      }
    }
    const TypeId type = pack_.types.record_type(subject, std::move(fields), true);
    std::string& place = subject == "principal" ? out_.principal
                         : subject == "session" ? out_.session
                                                : out_.client;
    place = json(*given.value, type).value_or("{}");
  }

  void check_result() {
    const bool answered = out_.hook == abi::Hook::Result || out_.hook == abi::Hook::Reply;
    if (answered && test_.result == nullptr) {
      pack_.sink.report(Kind::ResultNotHere, test_.target.span,
                        {"a test of the hook `" + std::string(abi::hook_name(out_.hook)) +
                         "` says what comes back: `returning { ... }`"});
    } else if (!answered && test_.result != nullptr) {
      pack_.sink.report(Kind::ResultNotHere, test_.result->span,
                        {"only a test of the hooks `result` and `reply` has a result"});
    }
    if (!answered || test_.result == nullptr) {
      return;
    }
    const bool of_tool = out_.hook == abi::Hook::Result;
    if (test_.result->kind == ast::ExprKind::Record) {
      JsonObject result = members(static_cast<const ast::RecordExpr&>(*test_.result),
                                  of_tool ? "result" : "reply", abi::InputRoot::Result);
      if (of_tool && !result.has("content")) {
        result.set("content", "[]");
      }
      out_.result = result.text();
    } else if (const auto text = json(*test_.result, TypeTable::kString)) {
      out_.result = of_tool ? "{\"content\":[{\"type\":\"text\",\"text\":" + *text + "}]}"
                            : "{\"role\":\"agent\",\"parts\":[{\"text\":" + *text + "}]}";
    }
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
      case Expectation::Kind::Limit:
        return true;
      case Expectation::Kind::Require:
      case Expectation::Kind::Emit:
      case Expectation::Kind::Start:
      case Expectation::Kind::Route:
      case Expectation::Kind::Label:
        out.key = expected.word.text;
        return true;
      case Expectation::Kind::Set: {
        TypeId type;
        if (!resolve_set_path(pack_, *expected.path, out_.hook, tools_, out.path, type)) {
          return false;
        }
        const auto text = json(*expected.value, type);
        out.text = text.value_or("");
        return text.has_value();
      }
      case Expectation::Kind::Redact:
        return expected.path == nullptr ||
               resolve_redact_path(pack_, *expected.path, out_.hook, tools_, out.path, out.place);
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
  ir::Test out_{};
};

}  // namespace

namespace {

/// `expect` sees what a function sees: parameters it has none.
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

}  // namespace

void check_tests(Pack& pack) {
  const auto run = [&pack](const ast::TestDecl& test, const CaseNames& cases, const std::string& suffix) {
    TestChecker checker(pack, test, cases);
    const std::optional<abi::Hook> hook = abi::find_hook(test.hook.text);
    if (test.call == nullptr && !hook) {
      return;
    }
    pack.module.tests.push_back(test.call != nullptr ? checker.check_decision() : checker.check(*hook));
    pack.module.tests.back().title += suffix;
  };
  for (const ast::TestDecl* test : pack.names.tests) {
    if (!test->expects.empty()) {
      pack.module.tests.push_back(check_claims(pack, *test));
      continue;
    }
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
