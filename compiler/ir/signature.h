#pragma once

#include "compiler/ir/ir.h"

namespace catalyst::ir {

/// Do operands and type of a Builtin expression fit the written signature of its function? Its payload and
/// operands must be in range.
bool fits_signature(const Module& module, const Expr& e);

}  // namespace catalyst::ir
