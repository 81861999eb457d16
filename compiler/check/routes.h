#pragma once

#include "compiler/check/pack.h"

namespace catalyst::check {

/// Checks the pack's routes and adds them to the module, in source order.
void check_routes(Pack& pack);

/// The declared route of that name; nullptr after a diagnostic.
const ast::RouteDecl* find_route(Pack& pack, const ast::Name& name);
/// Is `server` one to which the route goes? False after a diagnostic.
bool find_target(Pack& pack, const ast::RouteDecl& route, const ast::Name& server);
/// Is the route for every known tool of the rule in whose `scope` it is named? False after a diagnostic.
bool takes_all(Pack& pack, const ast::RouteDecl& route, const Scope& scope, Span span);

}  // namespace catalyst::check
