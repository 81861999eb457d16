#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/analysis/witness.h"
#include "compiler/diagnostics/diagnostic.h"
#include "compiler/ir/ir.h"
#include "compiler/source/source.h"

namespace catalyst::analysis {

/// What is remembered between two looks at a pack that is being edited. Examples are tried again before they
/// are believed, and proofs are kept under the digests of all rules that they speak about, so a memory may be
/// as old as it likes. Not thread-safe.
struct Memory {
  enum class Proof : uint8_t {
    Never,    // nothing fulfils it
    Open,     // outside the decidable part
    TooHard,  // more effort might tell
  };
  std::map<std::string, Witness> examples;  // what is shown, by digest
  std::map<std::string, Proof> proofs;      // by digest of the question
};

struct FindOptions {
  uint32_t effort = 1'000'000;  // of the solver for one question, in its own units; a quarter of a second
  uint32_t max_rounds = 12;     // examples tried before a rule is believed to be of use
};

/// Reports what is odd about rules that are well-formed: conditions that never hold or always do, rules that
/// change nothing. Every report is proved. Rules about which a question was too hard, or that were left when
/// the thread's Budget was used up, are counted in one report (Kind::Undecided); what is outside the
/// decidable part is not reported.
/// `module`'s rules are exchanged while an index is built, and back again.
void find(const std::shared_ptr<ir::Module>& module, const source::SourceMap& sources,
          diagnostics::Sink& sink, Memory& memory, const FindOptions& options = {});

}  // namespace catalyst::analysis
