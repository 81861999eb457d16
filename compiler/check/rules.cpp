#include "compiler/check/rules.h"

#include <array>

#include "compiler/check/annotations.h"
#include "compiler/check/effects.h"
#include "compiler/check/expr.h"
#include "compiler/check/narrowing.h"
#include "compiler/check/servers.h"

namespace catalyst::check {

using diagnostics::Kind;

namespace {

void check_rule(Pack& pack, const ast::RuleDecl& rule, Conflicts& conflicts) {
  const std::optional<abi::Hook> hook = abi::find_hook(rule.hook.text);
  if (!hook) {
    return;  // diagnosed when it was read
  }

  ir::Rule out{};
  out.name = rule.name.text;
  out.doc = rule.doc;
  out.span = rule.name.span;
  out.hook = *hook;
  check_annotations(pack, rule, out);
  const std::vector<ir::TargetPattern> patterns = check_targets(pack, *hook, rule.targets);
  out.target = pack.emitter.target(patterns);

  Scope scope;
  scope.kind = ScopeKind::Rule;
  scope.hook = *hook;
  scope.tools = &tools_of(pack, *hook, patterns);
  scope.user = rule.name.span;
  scope.user_text = "rule `" + rule.name.text + "` uses it on " + rule.hook.text +
                    (scope.tools->text.empty() ? "" : " ") + scope.tools->text;
  std::vector<std::string> present;
  if (rule.condition != nullptr) {
    ExprChecker checker(pack, scope);
    out.condition = checker.deciding_condition(*rule.condition);
    present = paths_present_when(*rule.condition, true, scope);
  }
  if (!rule.on_error.text.empty()) {
    out.on_error = rule.on_error.text == "deny" ? ir::OnError::Deny : ir::OnError::Skip;
    if (out.on_error == ir::OnError::Deny && !effect_allowed(ast::EffectKind::Deny, *hook)) {
      pack.sink.report(Kind::EffectNotHere, rule.on_error.span, {"on error deny", rule.hook.text});
    }
  }
  out.condition = annotated_condition(pack, rule, scope, out.condition);
  {
    // Effects happen when the condition holds, so they know what it tested.
    const PresentGuard guard(scope, std::move(present));
    check_effects(pack, rule, scope, conflicts, out);
  }
  pack.check_locals(scope, rule.name.span);
  out.local_count = scope.local_peak;
  pack.module.rules.push_back(std::move(out));
}

}  // namespace

void check_rules(Pack& pack) {
  Conflicts conflicts;
  for (const ast::RuleDecl* rule : pack.names.rules) {
    if (pack.sink.hopeless()) {
      return;  // nobody reads more, and each mistake costs a search for what was meant
    }
    check_rule(pack, *rule, conflicts);
  }
  conflicts.report(pack);
  warn_of_what_waits(pack);
}

void check_properties(Pack& pack) {
  for (const ast::PropertyDecl* property : pack.names.properties) {
    const std::optional<abi::Hook> hook = abi::find_hook(property->hook.text);
    if (!hook) {
      continue;  // diagnosed when it was read
    }
    if (*hook != abi::Hook::Call && *hook != abi::Hook::Result && *hook != abi::Hook::ListTools) {
      pack.sink.report(Kind::PropertyNotHere, property->hook.span, {property->hook.text});
      continue;
    }
    ir::Property out;
    out.name = property->name.text;
    out.doc = property->doc;
    out.span = property->name.span;
    out.hook = *hook;
    out.allowed = property->allowed;
    const std::vector<ir::TargetPattern> patterns = check_targets(pack, *hook, property->targets);
    out.target = pack.emitter.target(patterns);
    Scope scope;
    scope.hook = *hook;
    scope.tools = &tools_of(pack, *hook, patterns);
    scope.user = property->name.span;
    scope.user_text = "property `" + property->name.text + "` uses it on " + property->hook.text +
                      (scope.tools->text.empty() ? "" : " ") + scope.tools->text;
    if (property->condition != nullptr) {
      out.condition = ExprChecker(pack, scope).condition(*property->condition);
    }
    pack.check_locals(scope, property->name.span);
    out.local_count = scope.local_peak;
    pack.module.properties.push_back(std::move(out));
  }
}

void check_defaults(Pack& pack) {
  const ast::DefaultDecl* general = nullptr;
  std::array<const ast::DefaultDecl*, abi::kHookCount> named{};
  for (const ast::DefaultDecl* decl : pack.names.defaults) {
    const std::optional<abi::Hook> hook = abi::find_hook(decl->hook.text);
    if (hook && !effect_allowed(ast::EffectKind::Allow, *hook)) {
      pack.sink.report(Kind::DefaultNotHere, decl->hook.span, {decl->hook.text});
      continue;
    }
    const ast::DefaultDecl*& place = hook ? named[static_cast<size_t>(*hook)] : general;
    if (place != nullptr) {
      auto& diagnostic = pack.sink.report(Kind::DuplicateDefault, decl->span,
                                          {hook ? "`" + decl->hook.text + "`" : "the pack"});
      diagnostic.notes.push_back({place->span, "the first one is here"});
      continue;
    }
    place = decl;
  }
  for (size_t i = 0; i < abi::kHookCount; ++i) {
    const auto hook = static_cast<abi::Hook>(i);
    // A session that may do nothing is no risk; to refuse it must be said by name.
    const bool covered = hook != abi::Hook::Session && effect_allowed(ast::EffectKind::Allow, hook);
    const ast::DefaultDecl* decl = named[i] != nullptr ? named[i] : covered ? general : nullptr;
    pack.module.default_deny[i] = decl != nullptr && decl->deny;
  }
}

}  // namespace catalyst::check
