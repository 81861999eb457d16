#pragma once

#include <string>

#include "compiler/ir/ir.h"

namespace catalyst::ir {

/// Why evaluating the module could need more stack than kMaxDepth levels: a fact or function that uses
/// itself, or expressions nested too deeply, facts and functions included. Empty: it does not. Ids must be
/// good and operands before users.
std::string depth_problem(const Module& module);

}  // namespace catalyst::ir
