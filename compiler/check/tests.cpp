#include "compiler/check/tests.h"

#include <algorithm>
#include <memory>

#include "compiler/check/decision_tests.h"
#include "compiler/check/effects.h"
#include "compiler/check/expr.h"
#include "compiler/check/inputs.h"
#include "compiler/check/routes.h"
#include "compiler/check/rules.h"
#include "compiler/check/servers.h"
#include "compiler/ir/test_limits.h"
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
    {"label", Expectation::Kind::Label},     {"describe", Expectation::Kind::Describe},
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
    case Expectation::Kind::Describe:
      return effect_allowed(ast::EffectKind::Describe, hook);
    case Expectation::Kind::Audit:
    case Expectation::Kind::Tag:
    case Expectation::Kind::Error:
      return true;
    case Expectation::Kind::Result:
      return false;
  }
  return false;
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

/// One run of a test of a hook.
class TestChecker : TestBase {
 public:
  TestChecker(Pack& pack, const ast::TestDecl& test, const CaseNames& cases)
      : TestBase(pack, test, cases), tools_(tools(pack, test)) {}

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

  /// `given past call db.query { ... } 21 times 30m ago`.
  void check_past(const ast::TestGiven& given) {
    const std::optional<abi::Hook> hook = abi::find_hook(given.hook.text);
    if (!hook) {
      return;
    }
    ir::PastCall out;
    out.hook = *hook;
    out.server = given.target.server;
    out.tool = given.target.tool;
    out.args = "{}";
    const ToolSet& tools = tools_of(pack_, *hook, check_targets(pack_, *hook, {given.target}));
    if (given.value != nullptr && *hook == abi::Hook::Call) {
      out.args = json(*given.value, optional_fields(tools.args)).value_or("{}");
    } else if (given.value != nullptr && *hook == abi::Hook::Prompt) {
      JsonObject params;
      params.set("arguments", json(*given.value, pack_.types.map_of(TypeTable::kString)).value_or("{}"));
      out.params = params.text();
    } else if (given.value != nullptr) {
      out.params =
          members(static_cast<const ast::RecordExpr&>(*given.value), own_input(*hook), abi::InputRoot::Params)
              .text();
    }
    if (given.times != nullptr) {
      const value::Value* times = constant(*given.times, TypeTable::kInt);
      if (times != nullptr && (times->a.integer < 1 || times->a.integer > ir::kMaxPastCalls)) {
        pack_.sink.report(Kind::NumberOutOfRange, given.times->span,
                          {pack_.quote(given.times->span), "1 to " + std::to_string(ir::kMaxPastCalls)});
        return;
      }
      out.times = times == nullptr ? 1 : static_cast<uint32_t>(times->a.integer);
    }
    uint64_t before = 0;
    for (const ir::PastCall& call : out_.past) {
      before += call.times;
    }
    if (before + out.times > ir::kMaxPastCalls) {
      pack_.sink.report(
          Kind::NumberOutOfRange, given.times == nullptr ? given.target.span : given.times->span,
          {std::to_string(out.times), "what is left of the " + std::to_string(ir::kMaxPastCalls) +
                                          " past requests of a test (" +
                                          std::to_string(ir::kMaxPastCalls - before) + ")"});
      return;
    }
    if (given.ago != nullptr) {
      const value::Value* ago = constant(*given.ago, TypeTable::kDuration);
      out.ago_us = ago == nullptr ? 0 : ago->a.integer;
    }
    out_.past.push_back(std::move(out));
  }

  void check_given(const ast::TestGiven& given) {
    const std::string& subject = given.subject.text;
    if (!given.hook.text.empty()) {
      return check_past(given);
    }
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
    out.negated = expected.negated;
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

  bool check_route(const ast::TestExpectation& expected, Expectation& out) {
    const ast::RouteDecl* route = find_route(pack_, expected.word);
    if (route == nullptr || (!expected.to.text.empty() && !find_target(pack_, *route, expected.to))) {
      return false;
    }
    out.key = expected.word.text;
    out.text = expected.to.text;
    return true;
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
        out.key = expected.word.text;
        out.text = expected.role.text;
        return true;
      case Expectation::Kind::Emit:
      case Expectation::Kind::Start:
      case Expectation::Kind::Label:
        out.key = expected.word.text;
        return true;
      case Expectation::Kind::Route:
        return check_route(expected, out);
      case Expectation::Kind::Set: {
        TypeId type;
        if (!resolve_set_path(pack_, *expected.path, out_.hook, tools_, out.path, type)) {
          return false;
        }
        const auto text = expected.value == nullptr ? std::string() : json(*expected.value, type);
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
      case Expectation::Kind::Describe:
        return text(*expected.value, TypeTable::kString, out.text);
      case Expectation::Kind::Error:
        return check_error(expected.word, out);
      case Expectation::Kind::Result:
        break;  // decisions alone have results
    }
    return false;
  }

  const ToolSet& tools_;
};

}  // namespace

void check_tests(Pack& pack) {
  const auto run = [&pack](const ast::TestDecl& test, const CaseNames& cases, const std::string& suffix) {
    const std::optional<abi::Hook> hook = abi::find_hook(test.hook.text);
    if (test.call == nullptr && !hook) {
      return;
    }
    pack.module.tests.push_back(test.call != nullptr ? check_decision_test(pack, test, cases)
                                                     : TestChecker(pack, test, cases).check(*hook));
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
