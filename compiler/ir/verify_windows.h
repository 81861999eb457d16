#pragma once

#include <string>

#include "compiler/ir/ir.h"

namespace catalyst::ir {

/// What is wrong with the module's windows; "" when nothing is. Their roots must have been verified: this is
/// about types, about who reads what, and that nothing a window is kept by depends on windows.
std::string windows_problem(const Module& module);

}  // namespace catalyst::ir
