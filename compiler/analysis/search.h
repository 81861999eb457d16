#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compiler/analysis/solver.h"
#include "compiler/analysis/witness.h"

namespace catalyst::analysis {

/// What came of looking for a request.
struct Search {
  enum class State : uint8_t {
    Found,   // `witness` does it: it was tried
    Proved,  // no request does
    Open,    // neither; `reasons` say what was in the way
  };
  State state = State::Open;
  Witness witness;
  struct Reason {
    source::Span span;                   // may be invalid
    const ir::Module* module = nullptr;  // whose text the span is in
    std::string text;
  };
  std::vector<Reason> reasons;
};

struct SearchOptions {
  uint32_t max_rounds = 24;  // examples that are tried before the search is given up
};

/// Looks for a request that fulfils `question`. Each example is tried by `shows`, which answers nothing when
/// it does what was asked, or else a formula that it broke and that every answer must fulfil, too (a rule
/// that was left out of the question), or `true` when it has none.
Search search(const World& world, Solver& solver, FormulaId question, const Witness& base,
              const std::function<std::optional<FormulaId>(const Witness&)>& shows,
              const SearchOptions& options = {});

/// The opaque expressions of an answer, as reasons.
std::vector<Search::Reason> reasons_of(const World& world, const std::vector<std::string>& opaque);

}  // namespace catalyst::analysis
