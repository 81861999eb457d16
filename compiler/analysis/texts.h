#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/analysis/automaton.h"

namespace catalyst::analysis {

/// A set of texts: finitely many, or those an automaton accepts.
struct TextSet {
  std::vector<std::string> literals;           // sorted, unique; when there is no automaton
  std::shared_ptr<const Automaton> automaton;  // nullptr: the literals

  [[nodiscard]] bool holds(std::string_view text) const;
};

/// Representatives of all texts as a group of sets tells them apart: texts of one class are in the same sets.
/// A class has as many representatives as it has texts, at most `copies`.
struct Partition {
  std::vector<std::string> values;  // distinct
  std::vector<bool> unbounded;      // parallel: its class may have more texts than are here
  bool complete = true;             // false: there were too many classes, some may be missing
};

struct PartitionOptions {
  uint32_t copies = 1;
  size_t max_states = 20'000;  // of the product of the automata; a few milliseconds
};

Partition partition(const std::vector<const TextSet*>& sets, const PartitionOptions& options);

}  // namespace catalyst::analysis
