#pragma once

#include "compiler/ir/ir.h"
#include "compiler/ir/partial.h"
#include "runtime/abi/unit.h"

namespace catalyst::ir {

/// Fills `unit`'s plans and features from `module`. `unit` already has the module's slots, targets and rules
/// under the same numbers. Work and result grow with the module: a rule is filed once per value of its
/// anchor, at most kAnchorValuesMax times.
void build_plans(const Module& module, const Partial& partial, abi::Unit& unit);

}  // namespace catalyst::ir
