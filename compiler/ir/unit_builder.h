#pragma once

#include <memory>

#include "compiler/ir/ir.h"
#include "compiler/source/source.h"
#include "runtime/abi/unit.h"

namespace catalyst::ir {

/// The module as the runtime reads it: tables, plan, and the reference interpreter as evaluator. The unit
/// keeps the module alive. The native tier takes this unit and exchanges `evaluator` and the bucket functions
/// of the plans before anyone else sees it.
std::shared_ptr<abi::Unit> build_unit(std::shared_ptr<const Module> module, const source::SourceMap& sources);

}  // namespace catalyst::ir
