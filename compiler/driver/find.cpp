#include "compiler/driver/find.h"

#include "compiler/analysis/properties.h"

namespace catalyst::driver {

void add_findings(Analysis& analysis, analysis::Memory& memory, const analysis::FindOptions& options) {
  if (analysis.module == nullptr) {
    return;
  }
  analysis::find(analysis.module, analysis.sources, analysis.diagnostics, memory, options);
  analysis::prove_properties(analysis.module, analysis.sources, analysis.diagnostics, options);
  analysis.allowances.apply(analysis.diagnostics);
  analysis.allowances.report_unneeded(analysis.diagnostics);
  analysis.diagnostics.sort();
}

void add_proofs(Analysis& analysis) {
  if (analysis.module != nullptr) {
    analysis::prove_properties(analysis.module, analysis.sources, analysis.diagnostics);
    analysis.allowances.apply(analysis.diagnostics);
    analysis.diagnostics.sort();
  }
}

}  // namespace catalyst::driver
