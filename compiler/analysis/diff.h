#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/analysis/search.h"
#include "compiler/analysis/trial.h"
#include "compiler/ir/ir.h"
#include "compiler/source/source.h"

namespace catalyst::analysis {

/// How two packs can differ. Each is a question of its own with an answer of its own.
enum class DifferenceKind : uint8_t {
#define DIFFERENCE(name, text, sentence) name,
#include "compiler/analysis/difference.def"
#undef DIFFERENCE
};
/// "more_permissive"
std::string_view difference_name(DifferenceKind kind);
/// "calls that NEW allows and OLD denied"
std::string_view difference_sentence(DifferenceKind kind);
inline constexpr size_t kDifferenceCount = 0
#define DIFFERENCE(name, text, sentence) +1
#include "compiler/analysis/difference.def"
#undef DIFFERENCE
    ;

/// A request that the two packs decide differently; both were asked.
struct Change {
  Witness witness;
  Decision before;
  Decision after;
  bool known_tool = true;  // false: there are schemas, and none has the tool
};

struct Difference {
  DifferenceKind kind;
  std::vector<Change> changes;          // one for each group of tools that rules do not tell apart
  size_t more = 0;                      // further groups with changes, beyond DiffOptions::max_changes
  std::vector<Search::Reason> reasons;  // what kept the rest from being proved
  /// Proved: no request, beyond those of `changes` when there are any, was left open.
  [[nodiscard]] bool proved_none() const { return changes.empty() && more == 0 && reasons.empty(); }
};

struct DiffOptions {
  uint32_t effort = 4'000'000;  // of the solver for one question; about a second
  size_t max_changes = 20;      // shown of each kind
};

/// One side of a comparison.
struct Side {
  std::shared_ptr<const ir::Module> module;
  const source::SourceMap* sources;
};

/// Every kind of difference, in the order of the table. Nothing is called proved that was approximated in a
/// way that could hide a request; evaluations are taken to have fuel and memory enough.
std::vector<Difference> diff(const Side& before, const Side& after, const DiffOptions& options = {});

}  // namespace catalyst::analysis
