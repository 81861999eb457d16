#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/ir/passes/conjuncts.h"
#include "runtime/abi/plan.h"

// Internal to compiler/ir/passes: what the plan is made from.

namespace catalyst::ir {

/// Strings of one feature in the order in which they were met.
struct Names {
  std::vector<std::string> list;
  std::unordered_map<std::string, uint32_t> index;
  bool are_parts = false;  // of texts

  uint32_t add(const std::string& name) {
    const auto [at, fresh] = index.emplace(name, static_cast<uint32_t>(list.size()));
    if (fresh) {
      list.push_back(name);
    }
    return at->second;
  }
};

struct PlannedRule {
  uint32_t rule = 0;
  uint32_t rank = 0;
  bool complete = true;
  std::vector<Conjunct> conjuncts;   // target first
  std::vector<std::string> servers;  // of a target tested by its bit
};

/// What a rule could be filed under.
struct AnchorChoice {
  abi::Anchor::Kind kind = abi::Anchor::Kind::Symbol;
  uint32_t feature = 0;
  std::vector<uint32_t> values;
  size_t implied = SIZE_MAX;  // conjunct that holds in every bucket of the rule
};

}  // namespace catalyst::ir
