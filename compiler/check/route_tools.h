#pragma once

#include "compiler/check/pack.h"

namespace catalyst::check {

/// Warns where the tools' own definitions make a clause of the route useless or dangerous: what is sent twice
/// must bear it (`readOnlyHint`, `idempotentHint`, or the author's `repeatable`), what is cached must only
/// read. Of tools without a schema nothing is known here; the runtime looks at what their server says.
void check_route_tools(Pack& pack, const ast::RouteDecl& route, const ToolSet& tools, bool repeatable);

}  // namespace catalyst::check
