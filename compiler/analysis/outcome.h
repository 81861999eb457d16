#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/analysis/rules.h"
#include "compiler/analysis/slices.h"

namespace catalyst::analysis {

/// A reason for which a pack refuses (or grants) a request of a slice: a formula that means the same in every
/// pack when its digest is the same.
struct Ground {
  FormulaId holds;
  uint32_t rule;  // of its pack
};
using Grounds = std::map<FormulaId, Ground>;

/// What a pack does with the requests of one slice, in parts.
struct Outcome {
  Grounds denies;  // any of them denies (on a listing: or hides)
  Grounds allows;  // one of them must hold when `needs_allow`
  bool needs_allow = false;

  /// A change that the pack makes to what passes.
  struct Change {
    FormulaId holds;
    std::string place;  // "set call.args.tenant", "redact result.rows": what other changes are compared with
    Sym value;          // set
    std::string names;  // redact: what it covers
    uint32_t rule;
  };
  std::vector<Change> changes;
};

Outcome outcome(Rules& rules, const Slice& slice, size_t pack, abi::Hook hook);

/// It is allowed, as far as nothing denies it.
FormulaId granted(Formulas& f, const Outcome& o);
/// The request passes: formula over all parts.
FormulaId passes(Formulas& f, const Outcome& o);

}  // namespace catalyst::analysis
