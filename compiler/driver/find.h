#pragma once

#include "compiler/analysis/findings.h"
#include "compiler/driver/analyze.h"

namespace catalyst::driver {

/// Looks for what is odd about a pack without errors (`compiler/analysis`) and adds it to its diagnostics,
/// sorted, less what the sources allow; allowances that were not needed are reported. Costs up to seconds for
/// large packs: for people and CI, not for a reload. Call it once an analysis. All proofs together take what
/// `budget` says, properties first; what was not decided then is reported as that. The thread must have no
/// Budget. `memory` makes the next look at an edited pack fast.
void add_findings(Analysis& analysis, analysis::Memory& memory, const Budget::Limits& budget = {});

/// Only proves the properties of the pack, or says which request breaks them.
void add_proofs(Analysis& analysis, const Budget::Limits& budget = {});

}  // namespace catalyst::driver
