#include "compiler/check/effects.h"

#include <algorithm>
#include <array>

#include "compiler/check/expr.h"
#include "compiler/check/literal.h"
#include "compiler/check/redactions.h"
#include "compiler/check/routes.h"
#include "compiler/check/servers.h"

namespace catalyst::check {

using diagnostics::Kind;
using types::TypeKind;
using types::TypeTable;

namespace {

constexpr uint8_t kAuditMetadata = 1;  // decision::AuditLevel, which the compiler must not include
constexpr uint8_t kAuditFull = 2;

/// The effects that the rules of each hook may have, as bits.
constexpr std::array<uint32_t, abi::kHookCount> kAllowed = [] {
  using enum ast::EffectKind;
  std::array<uint32_t, abi::kHookCount> out{};
  const auto allow = [&out](abi::Hook hook, std::initializer_list<ast::EffectKind> kinds) {
    for (const ast::EffectKind kind : kinds) {
      out[static_cast<size_t>(hook)] |= uint32_t{1} << static_cast<unsigned>(kind);
    }
  };
#define HOOK_EFFECTS(hook, ...) allow(abi::Hook::hook, {__VA_ARGS__});
#include "compiler/check/hook_effects.def"
#undef HOOK_EFFECTS
  return out;
}();

std::string allowed_effects(abi::Hook hook) {
  std::string out;
  for (size_t i = 0; i < ast::kEffectCount; ++i) {
    const auto kind = static_cast<ast::EffectKind>(i);
    if (effect_allowed(kind, hook)) {
      out += (out.empty() ? "`" : ", `") + std::string(ast::effect_text(kind)) + "`";
    }
  }
  return out;
}

class EffectChecker {
 public:
  EffectChecker(Pack& pack, const ast::RuleDecl& rule, Scope& scope, Conflicts& conflicts, ir::Rule& out)
      : pack_(pack), rule_(rule), scope_(scope), conflicts_(conflicts), out_(out), expr_(pack, scope) {}

  void check(const ast::Effect& effect) {
    if (!effect_allowed(effect.kind, scope_.hook)) {
      auto& diagnostic = pack_.sink.report(
          Kind::EffectNotHere, effect.span,
          {std::string(ast::effect_text(effect.kind)), std::string(abi::hook_name(scope_.hook))});
      diagnostic.notes.push_back({{}, "possible here: " + std::string(allowed_effects(scope_.hook))});
      return;
    }
    switch (effect.kind) {
      case ast::EffectKind::Allow:
        return verdict(effect, ir::VerdictKind::Allow);
      case ast::EffectKind::Deny:
        return verdict(effect, ir::VerdictKind::Deny);
      case ast::EffectKind::Hide:
        return hide(effect);
      case ast::EffectKind::Describe:
        return describe(effect);
      case ast::EffectKind::Set:
        return set(effect);
      case ast::EffectKind::Redact:
        return redact(effect);
      case ast::EffectKind::Audit:
        return audit(effect);
      case ast::EffectKind::Tag:
        return tag(effect);
      case ast::EffectKind::Limit:
        return limit(effect);
      case ast::EffectKind::Require:
        return require(effect);
      case ast::EffectKind::Emit:
        return emit(effect);
      case ast::EffectKind::Start:
        return start(effect);
      case ast::EffectKind::Route:
        return route(effect);
      case ast::EffectKind::Label:
        add(ir::EffectKind::Label, effect).tag = effect.tag.text;
        return;
    }
  }

 private:
  ir::Effect& add(ir::EffectKind kind, const ast::Effect& effect) {
    ir::Effect& out = out_.effects.emplace_back();
    out.kind = kind;
    out.span = effect.span;
    return out;
  }

  void twice(const ast::Effect& effect, std::string what) {
    pack_.sink.report(Kind::DuplicateEffect, effect.span, {std::move(what), rule_.name.text});
  }

  void verdict(const ast::Effect& effect, ir::VerdictKind kind) {
    if (out_.verdict == kind) {
      twice(effect, std::string(ast::effect_text(effect.kind)));
      return;
    }
    if (out_.verdict != ir::VerdictKind::None) {
      pack_.sink.report(Kind::AllowAndDeny, effect.span, {rule_.name.text});
      return;
    }
    out_.verdict = kind;
    if (effect.message != nullptr) {
      out_.message = expr_.expect(*effect.message, TypeTable::kString);
    }
  }

  void hide(const ast::Effect& effect) {
    if (!effect.patterns.empty() && scope_.hook != abi::Hook::ListTools) {
      pack_.sink
          .report(Kind::EffectNotHere, effect.span, {"hide tool", std::string(abi::hook_name(scope_.hook))})
          .notes.push_back({{}, "`hide` alone hides what the rule's target names"});
      return;
    }
    ir::Effect& out = add(ir::EffectKind::Hide, effect);
    if (!effect.patterns.empty()) {
      out.target = pack_.emitter.target(check_targets(pack_, scope_.hook, effect.patterns));
    }
  }

  void describe(const ast::Effect& effect) {
    const ir::ExprId text = expr_.expect(*effect.message, TypeTable::kString);
    add(ir::EffectKind::Describe, effect).value = text;
    if (!out_.shadow) {
      conflicts_.add({&rule_,
                      scope_.hook,
                      effect.span,
                      {std::string(Conflicts::kDescription)},
                      expression_key(pack_.module, text),
                      pack_.module.targets[out_.target.index].patterns});
    }
  }

  void set(const ast::Effect& effect) {
    std::vector<std::string> path;
    TypeId type;
    if (!resolve_set_path(pack_, *effect.path, scope_.hook, *scope_.tools, path, type)) {
      expr_.infer(*effect.value);
      return;
    }
    // What has no schema takes any value.
    const bool any = type == TypeTable::kJson;
    const ir::ExprId value = any ? expr_.definite(*effect.value).id : expr_.expect(*effect.value, type);
    ir::Effect& out = add(ir::EffectKind::Set, effect);
    out.path = path;
    out.value = value;
    if (out_.shadow) {
      return;  // never enforced, so it meets nothing
    }
    std::vector<ir::TargetPattern> patterns = pack_.module.targets[out_.target.index].patterns;
    conflicts_.add({&rule_, scope_.hook, effect.span, std::move(path), expression_key(pack_.module, value),
                    std::move(patterns)});
  }

  void redact(const ast::Effect& effect) {
    if (effect.path->kind == ast::ExprKind::Error) {
      return;  // told by the parser
    }
    std::vector<std::string> path;
    abi::RedactPlace place{};
    if (!resolve_redact_path(pack_, *effect.path, scope_.hook, *scope_.tools, path, place)) {
      return;
    }
    std::vector<uint32_t> redactions;
    for (const ast::Expr* redaction : effect.redactions) {
      if (const auto id = find(*redaction)) {
        redactions.push_back(*id);
      }
    }
    if (effect.redactions.empty() && path.empty()) {
      auto& diagnostic =
          pack_.sink.report(Kind::RedactPath, effect.path->span, {pack_.quote(effect.path->span)});
      diagnostic.notes.push_back(
          {{}, "name a member (`redact result.content`) or what to redact (`redact pii.email in result`)"});
      return;
    }
    ir::Effect& out = add(ir::EffectKind::Redact, effect);
    out.path = std::move(path);
    out.place = place;
    out.redactions = std::move(redactions);
  }

  std::optional<uint32_t> find(const ast::Expr& redaction) {
    if (redaction.kind == ast::ExprKind::String) {
      const auto& text = static_cast<const ast::StringExpr&>(redaction);
      const std::string pattern = text.plain();
      const std::string problem =
          text.is_plain() ? pack_.regex_problem(pattern) : "it has interpolated parts";
      if (!problem.empty() || pattern.empty()) {
        pack_.sink.report(Kind::InvalidRegex, redaction.span, {problem.empty() ? "it is empty" : problem});
        return std::nullopt;
      }
      return pack_.emitter.redaction({pattern, pattern, ir::RedactionCheck::None});
    }
    std::string name;
    for (const PathStep& step : path_steps(redaction)) {
      name += (name.empty() ? "" : ".") + step.name;
    }
    if (const ir::Redaction* found = find_redaction(name)) {
      return pack_.emitter.redaction(*found);
    }
    auto& diagnostic =
        pack_.sink.report(Kind::UnknownRedaction, redaction.span, {pack_.quote(redaction.span)});
    suggest(diagnostic, redaction.span, name, redaction_names());
    return std::nullopt;
  }

  void audit(const ast::Effect& effect) {
    for (const ir::Effect& other : out_.effects) {
      if (other.kind == ir::EffectKind::Audit) {
        twice(effect, "audit");
        return;
      }
    }
    add(ir::EffectKind::Audit, effect).audit_level =
        effect.level.text == "full" ? kAuditFull : kAuditMetadata;
  }

  void tag(const ast::Effect& effect) {
    for (const ir::Effect& other : out_.effects) {
      if (other.kind == ir::EffectKind::Tag && other.tag == effect.tag.text) {
        twice(effect, "tag " + effect.tag.text);
        return;
      }
    }
    const ir::ExprId value = effect.value == nullptr ? ir::ExprId() : expr_.text(*effect.value);
    ir::Effect& out = add(ir::EffectKind::Tag, effect);
    out.tag = effect.tag.text;
    out.value = value;
  }

  /// A whole number above zero, or 0 after a diagnostic.
  int64_t positive(const ast::Expr* expr, TypeId type) {
    if (expr->kind != ast::ExprKind::Number) {
      return 0;  // diagnosed when it was read
    }
    const auto& number = static_cast<const ast::NumberExpr&>(*expr);
    const Number read = read_number(number.digits, number.unit, false);
    if (read.form == NumberForm::UnknownUnit) {
      return 0;
    }
    const NumberForm form = type == TypeTable::kDuration ? NumberForm::Duration : NumberForm::Int;
    if (read.form != form) {
      pack_.sink.report(Kind::TypeMismatch, expr->span,
                        {"`" + pack_.types.text(type) + "`", "`" + pack_.quote(expr->span) + "`"});
      return 0;
    }
    if (read.value.a.integer <= 0) {
      pack_.sink.report(Kind::NumberOutOfRange, expr->span, {pack_.quote(expr->span), "a limit"});
      return 0;
    }
    return read.value.a.integer;
  }

  void limit(const ast::Effect& effect) {
    const int64_t count = positive(effect.count, TypeTable::kInt);
    const int64_t per = positive(effect.duration, TypeTable::kDuration);
    const int64_t burst = effect.burst == nullptr ? count : positive(effect.burst, TypeTable::kInt);
    const ir::ExprId key = effect.value == nullptr ? ir::ExprId() : expr_.text(*effect.value);
    if (count == 0 || per == 0 || burst == 0) {
      return;
    }
    if (per / count == 0 || burst > INT64_MAX / per) {
      pack_.sink.report(Kind::NumberOutOfRange, effect.span, {pack_.quote(effect.span), "a limit"});
      return;
    }
    ir::Effect& out = add(ir::EffectKind::Limit, effect);
    out.count = count;
    out.duration_us = per;
    out.burst = burst;
    out.value = key;
  }

  void require(const ast::Effect& effect) {
    static constexpr std::string_view kKnown[] = {"approval", "mfa"};
    if (std::find(std::begin(kKnown), std::end(kKnown), effect.tag.text) == std::end(kKnown)) {
      auto& diagnostic = pack_.sink.report(Kind::UnknownRequirement, effect.tag.span, {effect.tag.text});
      suggest(diagnostic, effect.tag.span, effect.tag.text, {std::begin(kKnown), std::end(kKnown)});
      return;
    }
    if (effect.tag.text == "mfa" && (!effect.role.text.empty() || effect.duration != nullptr)) {
      pack_.sink.report(Kind::UnknownRequirement, effect.span, {pack_.quote(effect.span)})
          .notes.push_back({{}, "`require mfa` stands alone: who asks has a second factor, or has not"});
      return;
    }
    const int64_t within = effect.duration == nullptr ? 0 : positive(effect.duration, TypeTable::kDuration);
    ir::Effect& out = add(ir::EffectKind::Require, effect);
    out.tag = effect.tag.text;
    out.role = effect.role.text;
    out.duration_us = within;
  }

  void emit(const ast::Effect& effect) {
    const ir::ExprId data = effect.value == nullptr ? ir::ExprId() : expr_.definite(*effect.value).id;
    ir::Effect& out = add(ir::EffectKind::Emit, effect);
    out.tag = effect.tag.text;
    out.value = data;
  }

  void start(const ast::Effect& effect) {
    ast::RecordExpr arguments;  // numbered, since values of different types share no list
    arguments.kind = ast::ExprKind::Record;
    arguments.span = effect.span;
    for (size_t i = 0; i < effect.arguments.size(); ++i) {
      arguments.fields.push_back({{std::to_string(i), effect.arguments[i]->span}, effect.arguments[i]});
    }
    const ir::ExprId value = effect.arguments.empty() ? ir::ExprId() : expr_.definite(arguments).id;
    ir::Effect& out = add(ir::EffectKind::Start, effect);
    out.tag = effect.tag.text;
    out.value = value;
  }

  void route(const ast::Effect& effect) {
    const ast::RouteDecl* route = find_route(pack_, effect.tag);
    if (route == nullptr || !takes_all(pack_, *route, scope_, effect.tag.span)) {
      return;
    }
    add(ir::EffectKind::Route, effect).tag = effect.tag.text;
    if (out_.shadow) {
      return;
    }
    conflicts_.add({&rule_,
                    scope_.hook,
                    effect.span,
                    {std::string(Conflicts::kRoute)},
                    effect.tag.text,
                    pack_.module.targets[out_.target.index].patterns});
  }

  Pack& pack_;
  const ast::RuleDecl& rule_;
  Scope& scope_;
  Conflicts& conflicts_;
  ir::Rule& out_;
  ExprChecker expr_;
};

/// What an effect is about is left of a request that was denied.
bool happens_with_denial(ast::EffectKind kind) {
  switch (kind) {
    case ast::EffectKind::Allow:  // told as a contradiction
    case ast::EffectKind::Deny:
    case ast::EffectKind::Hide:
    case ast::EffectKind::Describe:
    case ast::EffectKind::Audit:
    case ast::EffectKind::Tag:
    case ast::EffectKind::Emit:
    case ast::EffectKind::Label:
      return true;
    case ast::EffectKind::Set:
    case ast::EffectKind::Redact:
    case ast::EffectKind::Limit:
    case ast::EffectKind::Require:
    case ast::EffectKind::Start:
    case ast::EffectKind::Route:
      return false;
  }
  return true;
}

}  // namespace

bool effect_allowed(ast::EffectKind kind, abi::Hook hook) {
  return (kAllowed[static_cast<size_t>(hook)] >> static_cast<unsigned>(kind) & 1) != 0;
}

void check_effects(Pack& pack, const ast::RuleDecl& rule, Scope& scope, Conflicts& conflicts, ir::Rule& out) {
  EffectChecker checker(pack, rule, scope, conflicts, out);
  for (const ast::Effect& effect : rule.effects) {
    checker.check(effect);
  }
  for (const ast::Effect& effect : rule.effects) {
    if (out.verdict == ir::VerdictKind::Deny && effect_allowed(effect.kind, scope.hook) &&
        !happens_with_denial(effect.kind)) {
      pack.sink.report(Kind::EffectOfDenied, effect.span,
                       {std::string(ast::effect_text(effect.kind)), rule.name.text});
    }
  }
}

void warn_of_what_waits(Pack& pack) {
  bool approval = false;
  bool start = false;
  for (const ir::Rule& rule : pack.module.rules) {
    for (const ir::Effect& effect : rule.effects) {
      if (rule.verdict == ir::VerdictKind::Deny) {
        continue;  // told as what never happens
      }
      if (effect.kind == ir::EffectKind::Require && effect.tag == "approval" && !approval) {
        approval = true;
        pack.sink.report(Kind::NotYet, effect.span,
                         {"require approval", "holds requests back: nothing can ask for approvals yet"});
      }
      if (effect.kind == ir::EffectKind::Start && !start) {
        start = true;
        pack.sink.report(Kind::NotYet, effect.span,
                         {"start " + effect.tag, "is recorded, and runs nothing yet"});
      }
    }
  }
}

}  // namespace catalyst::check
