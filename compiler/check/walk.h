#pragma once

#include <string_view>

#include "compiler/ast/ast.h"

namespace catalyst::check {

/// True when `expr` mentions the bare name `name` anywhere.
bool mentions(const ast::Expr& expr, std::string_view name);

}  // namespace catalyst::check
