#pragma once

#include <memory>

#include "compiler/analysis/findings.h"
#include "compiler/diagnostics/diagnostic.h"
#include "compiler/ir/ir.h"
#include "compiler/source/source.h"

namespace catalyst::analysis {

/// Proves each property of the module, or reports a request that breaks it, which the engine has decided so
/// (an error), or what kept it from being proved (a warning). `module`'s rules are exchanged while an index
/// is built, and back again.
void prove_properties(const std::shared_ptr<ir::Module>& module, const source::SourceMap& sources,
                      diagnostics::Sink& sink, const FindOptions& options = {});

}  // namespace catalyst::analysis
