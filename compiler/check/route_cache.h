#pragma once

#include "compiler/check/pack.h"

namespace catalyst::check {

/// Fills the key of the route's cache (`out.key`, `out.cache->scope`), and proves that it names everything on
/// which an answer may depend: which tool, all of its arguments, and who asks. Without `by` it is all of
/// that.
void check_cache_key(Pack& pack, const ast::RouteClause& cache, const ast::RouteDecl& route, Scope& scope,
                     ir::Route& out);

}  // namespace catalyst::check
