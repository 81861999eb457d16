#pragma once

#include <string>
#include <vector>

#include "compiler/ir/ir.h"

namespace catalyst::ir {

/// Everything that is wrong with a module: ids out of range, operands after their users, operand counts and
/// types that an instruction does not take, locals read outside their loop, recursion, limits. Empty:
/// evaluation cannot go wrong. A module from outside (a pack) must pass before anything else looks at it; a
/// module from check that does not pass is our bug.
std::vector<std::string> verify(const Module& module);

}  // namespace catalyst::ir
