#pragma once

#include <string>
#include <vector>

#include "compiler/check/conflicts.h"
#include "compiler/check/pack.h"

namespace catalyst::check {

/// Checks the effects of one rule and adds them to `out`, whose hook and target are set. Values are written
/// in `scope`.
void check_effects(Pack& pack, const ast::RuleDecl& rule, Scope& scope, Conflicts& conflicts, ir::Rule& out);

/// Warns, once for each, of effects that nothing acts on yet.
void warn_of_what_waits(Pack& pack);

bool effect_allowed(ast::EffectKind kind, abi::Hook hook);

/// One step of a written path.
struct PathStep {
  std::string name;
  Span span;
};
/// `a.b["c"]` as steps, the root first; empty when `expr` is anything else.
std::vector<PathStep> path_steps(const ast::Expr& expr);

/// Where `set` writes: the path below what the hook lets it change (`call.args`), in names of MCP, and the
/// type there (json when nothing is known). False after a diagnostic.
bool resolve_set_path(Pack& pack, const ast::Expr& path, abi::Hook hook, const ToolSet& tools,
                      std::vector<std::string>& out, TypeId& type);
/// What `redact` covers: which text, and the path in it in names of MCP, "*" where a list is crossed. False
/// after a diagnostic.
bool resolve_redact_path(Pack& pack, const ast::Expr& path, abi::Hook hook, const ToolSet& tools,
                         std::vector<std::string>& out, abi::RedactPlace& place);

}  // namespace catalyst::check
