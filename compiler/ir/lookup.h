#pragma once

#include "compiler/ir/ir.h"

namespace catalyst::ir {

/// The table ready for evaluation; its values point into the module's constants. The module must have passed
/// verify.
abi::LookupTable build_lookup(const Module& module, const Table& table);

}  // namespace catalyst::ir
