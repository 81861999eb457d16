#pragma once

#include <string>

#include "compiler/ir/ir.h"

namespace catalyst::ir {

/// One expression as a line of nested text: `and(eq(principal.tenant, "a"), gt(call.args.rows, 5))`.
std::string print(const Module& module, ExprId expr);

/// The whole module, for goldens: facts, functions and rules with their expressions; free of ids, so that an
/// edit elsewhere changes nothing.
std::string print(const Module& module);

std::string print(const Module& module, const Route& route);

}  // namespace catalyst::ir
