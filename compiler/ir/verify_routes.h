#pragma once

#include <string>

#include "compiler/ir/ir.h"

namespace catalyst::ir {

/// What is wrong with the routes of a module whose expressions are in order; empty when nothing is.
std::string routes_problem(const Module& module);

}  // namespace catalyst::ir
