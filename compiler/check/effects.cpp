#include "compiler/check/effects.h"

#include <array>

#include "compiler/check/expr.h"
#include "compiler/check/redactions.h"
#include "compiler/check/regex.h"
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
      case ast::EffectKind::Set:
        return set(effect);
      case ast::EffectKind::Redact:
        return redact(effect);
      case ast::EffectKind::Audit:
        return audit(effect);
      case ast::EffectKind::Tag:
        return tag(effect);
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
    std::vector<ir::TargetPattern> patterns = pack_.module.targets[out_.target.index].patterns;
    conflicts_.add({&rule_, scope_.hook, effect.span, std::move(path), expression_key(pack_.module, value),
                    std::move(patterns)});
  }

  void redact(const ast::Effect& effect) {
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
      const std::string problem = text.is_plain() ? regex_problem(pattern) : "it has interpolated parts";
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

  Pack& pack_;
  const ast::RuleDecl& rule_;
  Scope& scope_;
  Conflicts& conflicts_;
  ir::Rule& out_;
  ExprChecker expr_;
};

}  // namespace

bool effect_allowed(ast::EffectKind kind, abi::Hook hook) {
  return (kAllowed[static_cast<size_t>(hook)] >> static_cast<unsigned>(kind) & 1) != 0;
}

void check_effects(Pack& pack, const ast::RuleDecl& rule, Scope& scope, Conflicts& conflicts, ir::Rule& out) {
  EffectChecker checker(pack, rule, scope, conflicts, out);
  for (const ast::Effect& effect : rule.effects) {
    checker.check(effect);
  }
}

}  // namespace catalyst::check
