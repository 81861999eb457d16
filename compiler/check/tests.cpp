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

/// One test block. Everything in it is constant, so its data leave here as JSON texts.
class TestChecker {
 public:
  TestChecker(Pack& pack, const ast::TestDecl& test, abi::Hook hook)
      : pack_(pack), test_(test), tools_(pack.catalogue.match(check_targets(pack, {test.target}))) {
    scope_.kind = ScopeKind::Constant;
    out_.title = test.title.text;
    out_.span = test.title.span;
    out_.hook = hook;
    out_.server = test.target.server;
    out_.tool = test.target.tool;
    out_.principal = out_.session = out_.client = out_.args = "{}";
  }

  ir::Test check() {
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
      check_expectation(expectation);
    }
    return std::move(out_);
  }

 private:
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
  const ToolSet& tools_;
  Scope scope_;
  ir::Test out_;
};

}  // namespace

namespace {

/// `expect` sees what a function sees: parameters it has none.
ir::Test check_claims(Pack& pack, const ast::TestDecl& test) {
  ir::Test out;
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
  for (const ast::TestDecl* test : pack.names.tests) {
    if (!test->expects.empty()) {
      pack.module.tests.push_back(check_claims(pack, *test));
      continue;
    }
    if (const std::optional<abi::Hook> hook = find_hook(test->hook.text)) {
      pack.module.tests.push_back(TestChecker(pack, *test, *hook).check());
    }
  }
}

}  // namespace catalyst::check
