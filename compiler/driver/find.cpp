#include "compiler/driver/find.h"

#include "compiler/analysis/properties.h"

namespace catalyst::driver {

void add_findings(Analysis& analysis, analysis::Memory& memory, const Budget::Limits& budget) {
  if (analysis.module == nullptr) {
    return;
  }
  const Budget bounds(budget);
  analysis::prove_properties(analysis.module, analysis.sources, analysis.diagnostics);
  analysis::find(analysis.module, analysis.sources, analysis.diagnostics, memory);
  analysis.allowances.apply(analysis.diagnostics);
  if (bounds.spent() == Budget::Spent::No) {  // else what is allowed was not looked for
    analysis.allowances.report_unneeded(analysis.diagnostics);
  }
  analysis.diagnostics.sort();
}

void add_proofs(Analysis& analysis, const Budget::Limits& budget) {
  if (analysis.module != nullptr) {
    const Budget bounds(budget);
    analysis::prove_properties(analysis.module, analysis.sources, analysis.diagnostics);
    analysis.allowances.apply(analysis.diagnostics);
    analysis.diagnostics.sort();
  }
}

}  // namespace catalyst::driver
