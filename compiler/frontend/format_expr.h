#pragma once

#include <string>
#include <string_view>

#include "compiler/ast/ast.h"
#include "runtime/abi/hook.h"

namespace catalyst::frontend {

/// The expression on one line, in parentheses if it binds more loosely than `least`. `tail`: nothing follows
/// it that an `if` or a quantifier at its right end could swallow.
std::string flat(const ast::Expr& expr, int least, bool tail);
std::string flat(const ast::TypeExpr& type);
/// Empty for hooks without targets.
std::string flat(const ast::TargetPattern& target, abi::HookTarget form);

/// A string literal without interpolation.
std::string string_literal(std::string_view text);
/// A key of a record or a tag: bare where it is a word.
std::string flat_key(const ast::Name& name);
/// How tightly the expression as a whole binds.
int level_of(const ast::Expr& expr);

}  // namespace catalyst::frontend
