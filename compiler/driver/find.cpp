#include "compiler/driver/find.h"

namespace catalyst::driver {

void add_findings(Analysis& analysis, analysis::Memory& memory, const analysis::FindOptions& options) {
  if (analysis.module == nullptr) {
    return;
  }
  analysis::find(analysis.module, analysis.sources, analysis.diagnostics, memory, options);
  analysis.allowances.apply(analysis.diagnostics);
  analysis.allowances.report_unneeded(analysis.diagnostics);
  analysis.diagnostics.sort();
}

}  // namespace catalyst::driver
