#include "compiler/frontend/format.h"

#include <algorithm>
#include <string>
#include <vector>

#include "compiler/frontend/format_decision.h"
#include "compiler/frontend/format_expr.h"
#include "compiler/frontend/format_route.h"
#include "compiler/frontend/layout.h"
#include "compiler/frontend/scan.h"

namespace catalyst::frontend {
namespace {

using namespace ast;  // every declaration is named here

std::string annotation_text(const Annotation& annotation) {
  const std::string head = "@" + annotation.name.text;
  if (annotation.share != nullptr) {
    return head + "(" + flat(*annotation.share, 0, true) +
           (annotation.by == nullptr ? "" : " by " + flat(*annotation.by, 0, true)) + ")";
  }
  switch (annotation.form) {
    case AnnotationForm::Nothing:
    case AnnotationForm::Share:
      return head;
    case AnnotationForm::Date:
      return head + "(" + annotation.text.text + ")";
    case AnnotationForm::Text:
      return head + "(" + string_literal(annotation.text.text) + ")";
  }
  return head;
}

class Formatter {
 public:
  Formatter(std::string_view text, std::vector<Comment> comments) : layout_(text, std::move(comments)) {}

  std::string run(const Ast& ast) {
    const Decl* previous = nullptr;
    for (const Decl* decl : ast.declarations) {
      layout_.begin_declaration(decl->span.begin, previous != nullptr && !may_touch(*previous, *decl));
      annotations(decl->annotations);
      declaration(*decl);
      previous = decl;
    }
    return layout_.finish();
  }

 private:
  /// Short declarations of one kind form groups when the author set no blank line between them.
  static bool may_touch(const Decl& a, const Decl& b) {
    return a.kind == b.kind && a.kind != DeclKind::Rule && a.kind != DeclKind::Test &&
           a.kind != DeclKind::Record && a.kind != DeclKind::Decision && a.kind != DeclKind::Route &&
           a.kind != DeclKind::Property && a.annotations.empty() && b.annotations.empty();
  }

  void declaration(const Decl& decl);
  void enumeration(const EnumDecl& decl);
  void record(const RecordDecl& decl);
  void function(const FnDecl& decl);
  void annotations(const std::vector<Annotation>& all);
  void rule(const RuleDecl& rule);
  void property(const PropertyDecl& property);
  void given(const TestGiven& given);
  void effect(const Effect& effect);
  void test(const TestDecl& test);
  void expectation(const TestExpectation& expectation);
  void by(const Name& name) {
    if (!name.text.empty()) {
      layout_.write(" by " + name.text);
    }
  }
  void value(const Expr* expr, size_t indent) {
    layout_.write(" = ");
    layout_.expression(*expr, indent);
  }
  static abi::HookTarget form(const Name& hook) {
    return abi::hook_info(abi::find_hook(hook.text).value_or(abi::Hook::Call)).target;
  }
  static std::string hook(const Name& hook, const std::vector<TargetPattern>& targets) {
    std::string out = hook.text;
    for (size_t i = 0; i < targets.size(); ++i) {
      out += (i == 0 ? " " : ", ") + flat(targets[i], form(hook));
    }
    return out;
  }

  Layout layout_;
};

void Formatter::declaration(const Decl& decl) {
  if (decl.exported) {
    layout_.write("export ");
  }
  switch (decl.kind) {
    case DeclKind::Pack: {
      const auto& pack = static_cast<const PackDecl&>(decl);
      layout_.write("pack " + pack.name.text + " " + pack.version.text);
      break;
    }
    case DeclKind::Import: {
      const auto& import = static_cast<const ImportDecl&>(decl);
      const size_t dot = import.name.text.rfind('.');
      const bool renamed =
          import.alias.text != import.name.text.substr(dot == std::string::npos ? 0 : dot + 1);
      layout_.write("import " + import.name.text +
                    (import.from.text.empty() ? "" : " from " + string_literal(import.from.text)) +
                    (renamed ? " as " + import.alias.text : ""));
      break;
    }
    case DeclKind::Default: {
      const auto& rule = static_cast<const DefaultDecl&>(decl);
      layout_.write(std::string("default ") + (rule.deny ? "deny" : "allow") +
                    (rule.hook.text.empty() ? "" : " on " + rule.hook.text));
      break;
    }
    case DeclKind::Server: {
      const auto& server = static_cast<const ServerDecl&>(decl);
      layout_.write("server " + server.name.text +
                    (server.schema.text.empty() ? "" : " schema " + string_literal(server.schema.text)));
      break;
    }
    case DeclKind::Agent: {
      const auto& agent = static_cast<const AgentDecl&>(decl);
      layout_.write("agent " + agent.name.text +
                    (agent.card.text.empty() ? "" : " card " + string_literal(agent.card.text)));
      break;
    }
    case DeclKind::Enum:
      enumeration(static_cast<const EnumDecl&>(decl));
      break;
    case DeclKind::Record:
      record(static_cast<const RecordDecl&>(decl));
      break;
    case DeclKind::List: {
      const auto& list = static_cast<const ListDecl&>(decl);
      layout_.write("list " + list.name.text + ": " + flat(*list.type));
      value(list.value, 0);
      break;
    }
    case DeclKind::Fact: {
      const auto& fact = static_cast<const FactDecl&>(decl);
      layout_.write("fact " + fact.name.text + (fact.type == nullptr ? "" : ": " + flat(*fact.type)));
      value(fact.value, 0);
      break;
    }
    case DeclKind::Fn:
      function(static_cast<const FnDecl&>(decl));
      break;
    case DeclKind::Rule:
      rule(static_cast<const RuleDecl&>(decl));
      return;
    case DeclKind::Decision:
      format_decision(layout_, static_cast<const DecisionDecl&>(decl));
      break;
    case DeclKind::Route:
      format_route(layout_, static_cast<const RouteDecl&>(decl));
      return;
    case DeclKind::Fixture: {
      const auto& fixture = static_cast<const FixtureDecl&>(decl);
      layout_.write("fixture " + fixture.name.text +
                    (fixture.type == nullptr ? "" : ": " + flat(*fixture.type)));
      value(fixture.value, 0);
      break;
    }
    case DeclKind::Property:
      property(static_cast<const PropertyDecl&>(decl));
      break;
    case DeclKind::Test:
      test(static_cast<const TestDecl&>(decl));
      break;
  }
  layout_.end_line(decl.span.end);
}

void Formatter::enumeration(const EnumDecl& decl) {
  std::string members;
  for (const Name& member : decl.members) {
    members += (members.empty() ? "" : ", ") + member.text;
  }
  const std::string line = "enum " + decl.name.text + " { " + members + " }";
  const size_t before = decl.exported ? 7 : 0;
  if (before + line.size() <= kFormatWidth && !layout_.has_comments(decl.span)) {
    layout_.write(line);
    return;
  }
  layout_.write("enum " + decl.name.text + " {");
  layout_.end_line(decl.name.span.end);
  for (const Name& member : decl.members) {
    layout_.begin_item(member.span.begin, 2);
    layout_.write(member.text + ",");
    layout_.end_line(member.span.end);
  }
  layout_.begin_item(decl.span.end - 1, 0, 2);
  layout_.write("}");
}

void Formatter::record(const RecordDecl& decl) {
  layout_.write("record " + decl.name.text + " {");
  if (decl.fields.empty() && !layout_.has_comments(decl.span)) {
    layout_.write("}");
    return;
  }
  layout_.end_line(decl.name.span.end);
  for (const FieldDecl& field : decl.fields) {
    layout_.begin_item(field.name.span.begin, 2);
    layout_.write(field.name.text + ": " + flat(*field.type));
    layout_.end_line(field.type->span.end);
  }
  layout_.begin_item(decl.span.end - 1, 0, 2);
  layout_.write("}");
}

void Formatter::function(const FnDecl& decl) {
  layout_.write("fn " + flat_signature(decl));
  value(decl.body, 0);
}

/// All on one line where they fit, else one a line.
void Formatter::annotations(const std::vector<Annotation>& all) {
  std::string line;
  for (const Annotation& each : all) {
    line += (line.empty() ? "" : " ") + annotation_text(each);
  }
  const bool fits = line.size() <= kFormatWidth;
  for (size_t i = 0; i < all.size(); ++i) {
    layout_.write((fits && i > 0 ? " " : "") + annotation_text(all[i]));
    if (!fits || i + 1 == all.size()) {
      layout_.end_line(all[i].span.end);
      layout_.begin_item(i + 1 < all.size() ? all[i + 1].span.begin : all[i].span.end, 0);
    }
  }
}

void Formatter::rule(const RuleDecl& rule) {
  layout_.write("rule " + rule.name.text);
  layout_.end_line(rule.name.span.end);
  layout_.begin_item(rule.hook.span.begin, 2);
  layout_.write("on " + hook(rule.hook, rule.targets));
  layout_.end_line(rule.targets.empty() ? rule.hook.span.end : rule.targets.back().span.end);
  if (rule.condition != nullptr) {
    layout_.begin_item(rule.condition->span.begin, 2);
    layout_.write("when ");
    layout_.expression(*rule.condition, 2);
    layout_.end_line(rule.condition->span.end);
  }
  if (!rule.on_error.text.empty()) {
    layout_.begin_item(rule.on_error.span.begin, 2);
    layout_.write("on error " + rule.on_error.text);
    layout_.end_line(rule.on_error.span.end);
  }
  for (const Effect& each : rule.effects) {
    layout_.begin_item(each.span.begin, 2);
    effect(each);
    layout_.end_line(each.span.end);
  }
}

void Formatter::effect(const Effect& effect) {
  layout_.write(std::string(effect_text(effect.kind)));
  switch (effect.kind) {
    case EffectKind::Allow:
    case EffectKind::Deny:
      layout_.write(effect.message == nullptr ? "" : " " + flat(*effect.message, 0, true));
      break;
    case EffectKind::Hide:
      for (size_t i = 0; i < effect.patterns.size(); ++i) {
        layout_.write((i == 0 ? " tool " : ", ") + flat(effect.patterns[i], abi::HookTarget::Tool));
      }
      break;
    case EffectKind::Describe:
      layout_.write(" " + flat(*effect.message, 0, true));
      break;
    case EffectKind::Set:
      layout_.write(" " + flat(*effect.path, 0, true));
      value(effect.value, 2);
      break;
    case EffectKind::Redact:
      for (size_t i = 0; i < effect.redactions.size(); ++i) {
        layout_.write((i == 0 ? " " : ", ") + flat(*effect.redactions[i], 0, true));
      }
      layout_.write((effect.redactions.empty() ? " " : " in ") + flat(*effect.path, 0, true));
      break;
    case EffectKind::Audit:
      layout_.write(effect.level.text.empty() ? "" : " " + effect.level.text);
      break;
    case EffectKind::Tag:
      layout_.write(" " + flat_key(effect.tag));
      if (effect.value != nullptr) {
        value(effect.value, 2);
      }
      break;
    case EffectKind::Limit:
      layout_.write(" " + flat(*effect.count, 0, true) + " per " + flat(*effect.duration, 0, true));
      layout_.write(effect.value == nullptr ? "" : " by " + flat(*effect.value, 0, true));
      layout_.write(effect.burst == nullptr ? "" : " burst " + flat(*effect.burst, 0, true));
      break;
    case EffectKind::Require:
      layout_.write(" " + effect.tag.text);
      layout_.write(effect.role.text.empty() ? "" : " from role " + string_literal(effect.role.text));
      layout_.write(effect.duration == nullptr ? "" : " within " + flat(*effect.duration, 0, true));
      break;
    case EffectKind::Emit:
      layout_.write(" " + string_literal(effect.tag.text));
      if (effect.value != nullptr) {
        layout_.write(" ");
        layout_.expression(*effect.value, 2);
      }
      break;
    case EffectKind::Start: {
      std::string arguments;
      for (const Expr* each : effect.arguments) {
        arguments += (arguments.empty() ? "" : ", ") + flat(*each, 0, true);
      }
      layout_.write(" " + effect.tag.text + "(" + arguments + ")");
      break;
    }
    case EffectKind::Route:
    case EffectKind::Label:
      layout_.write(" " + effect.tag.text);
      break;
  }
}

void Formatter::property(const PropertyDecl& property) {
  layout_.write("property " + property.name.text + " {");
  layout_.end_line(property.name.span.end);
  layout_.begin_item(property.hook.span.begin, 2);
  layout_.write("for any " + hook(property.hook, property.targets));
  layout_.end_line(property.targets.empty() ? property.hook.span.end : property.targets.back().span.end);
  if (property.condition != nullptr) {
    layout_.begin_item(property.condition->span.begin, 2);
    layout_.write("where ");
    layout_.expression(*property.condition, 2);
    layout_.end_line(property.condition->span.end);
  }
  layout_.begin_item(property.expectation.begin, 2);
  layout_.write(property.allowed ? "expect allow" : "expect not allow");
  layout_.end_line(property.expectation.end);
  layout_.begin_item(property.span.end - 1, 0, 2);
  layout_.write("}");
}

void Formatter::given(const TestGiven& given) {
  layout_.begin_item(given.span.begin, 2);
  layout_.write("given " + given.subject.text + " ");
  if (!given.hook.text.empty()) {
    layout_.write(hook(given.hook, {given.target}));
    layout_.write(given.value == nullptr ? "" : " ");
  }
  if (given.value != nullptr) {
    // Behind `given past` a hook's word would begin a call of the past.
    const bool past = given.hook.text.empty() && given.subject.text == "past" &&
                      given.value->kind != ast::ExprKind::Name && given.value->kind != ast::ExprKind::Record;
    layout_.write(past ? "(" : "");
    layout_.expression(*given.value, 2);
    layout_.write(past ? ")" : "");
  }
  layout_.write(given.times == nullptr ? "" : " " + flat(*given.times, 0, true) + " times");
  layout_.write(given.ago == nullptr ? "" : " " + flat(*given.ago, 0, true) + " ago");
  layout_.end_line(given.span.end);
}

void Formatter::test(const TestDecl& test) {
  layout_.write("test " + string_literal(test.title.text) + " {");
  layout_.end_line(test.title.span.end);
  for (const Expr* expect : test.expects) {
    layout_.begin_item(expect->span.begin, 2);
    layout_.write("expect ");
    layout_.expression(*expect, 2);
    layout_.end_line(expect->span.end);
  }
  if (!test.expects.empty()) {
    layout_.begin_item(test.span.end - 1, 0, 2);
    layout_.write("}");
    return;
  }
  format_cases(layout_, test);
  for (const TestGiven& each : test.givens) {
    given(each);
  }
  const bool decides = test.call != nullptr;
  layout_.begin_item(decides ? test.call->span.begin : test.hook.span.begin, 2);
  layout_.write("when  ");
  uint32_t end = test.target.span.end;
  if (decides) {
    layout_.expression(*test.call, 2);
    end = test.call->span.end;
  } else {
    const std::string target = flat(test.target, form(test.hook));
    layout_.write(test.hook.text + (target.empty() ? "" : " ") + target);
  }
  if (test.input != nullptr) {
    layout_.write(" ");
    layout_.expression(*test.input, 2);
    end = test.input->span.end;
  }
  if (test.result != nullptr) {
    layout_.write(" returning ");
    layout_.expression(*test.result, 2);
    end = test.result->span.end;
  }
  layout_.end_line(end);
  for (const TestExpectation& each : test.expectations) {
    layout_.begin_item(each.span.begin, 2);
    layout_.write("then  ");
    expectation(each);
    layout_.end_line(each.span.end);
  }
  layout_.begin_item(test.span.end - 1, 0, 2);
  layout_.write("}");
}

void Formatter::expectation(const TestExpectation& expectation) {
  const std::string& what = expectation.what.text;
  const std::string head = expectation_head(expectation);
  layout_.write(head);
  if (what == "message" || what == "describe") {
    layout_.write(" " + flat(*expectation.value, 0, true));
  } else if (what == "result") {
    layout_.expression(*expectation.value, 2);
  } else if (expectation.value != nullptr) {
    value(expectation.value, 2);
  }
  by(expectation.by);
}

}  // namespace

std::string format(const source::SourceMap& sources, const ast::Ast& ast) {
  // The tree holds no comments; the tokens of the text do.
  diagnostics::Sink ignored(0);
  TokenList list = scan(sources, ast.file, ignored, ParseLimits{});
  return Formatter(sources.text(ast.file), std::move(list.comments)).run(ast);
}

}  // namespace catalyst::frontend
