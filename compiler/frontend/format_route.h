#pragma once

#include "compiler/ast/ast.h"
#include "compiler/frontend/layout.h"

namespace catalyst::frontend {

/// A route, a line for each clause, in the order in which they stand.
void format_route(Layout& layout, const ast::RouteDecl& route);

}  // namespace catalyst::frontend
