#pragma once

#include <string>
#include <vector>

#include "compiler/analysis/rules.h"

namespace catalyst::analysis {

/// Tools that no rule tells apart: of every pack the same rules are about them.
struct Slice {
  std::string server;  // an example
  std::string tool;
  FormulaId constraint;                      // over call.server and call.tool
  std::vector<std::vector<uint32_t>> rules;  // by pack, ascending
};

struct Slices {
  std::vector<Slice> all;
  bool complete = true;  // false: the patterns overlap in too many ways
};

/// Every slice of the packs' rules on `hook` that lies in `within` (patterns; empty: everything).
Slices slice(const std::vector<Rules*>& packs, abi::Hook hook,
             const std::vector<ir::TargetPattern>& within = {});

/// The slice of one tool, for one pack; its constraint is the tool itself.
Slice slice_of(Rules& pack, abi::Hook hook, const std::string& server, const std::string& tool);

}  // namespace catalyst::analysis
