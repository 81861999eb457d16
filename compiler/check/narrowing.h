#pragma once

#include <string>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/check/scope.h"

namespace catalyst::check {

/// A key for an expression whose value cannot change between two mentions: inputs, facts and variables, their
/// members, elements at literal indexes, and casts of these. Empty for any other expression. `a.b` and `a?.b`
/// have one key.
std::string path_key(const ast::Expr& expr, const Scope& scope);

/// The paths that must be present when `condition` is `truth`.
std::vector<std::string> paths_present_when(const ast::Expr& condition, bool truth, const Scope& scope);

}  // namespace catalyst::check
