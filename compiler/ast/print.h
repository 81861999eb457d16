#pragma once

#include <string>

#include "compiler/ast/ast.h"

namespace catalyst::ast {

/// A dump of the whole tree without positions: one declaration a line group, expressions as s-expressions.
/// Two files with the same dump mean the same. For goldens and for the test that formatting changes nothing.
std::string print(const Ast& ast);
std::string print(const Expr& expr);
std::string print(const TypeExpr& type);

}  // namespace catalyst::ast
