#pragma once

#include <string>

#include "compiler/ir/ir.h"

namespace catalyst::ir {

/// What is wrong with the tables and decisions of a module whose expressions and functions are in order;
/// empty when nothing is.
std::string decisions_problem(const Module& module);

}  // namespace catalyst::ir
