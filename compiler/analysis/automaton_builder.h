#pragma once

#include <utility>
#include <vector>

#include "compiler/analysis/automaton.h"

namespace catalyst::analysis {

/// Fills an Automaton state by state; the first one is the start.
class AutomatonBuilder {
 public:
  AutomatonBuilder(const std::array<uint8_t, 256>& class_of, uint32_t class_count) {
    automaton_.class_of_ = class_of;
    automaton_.class_count_ = class_count;
  }
  /// `row`: the next state for each class.
  void add(const std::vector<uint32_t>& row, bool accepting) {
    automaton_.next_.insert(automaton_.next_.end(), row.begin(), row.end());
    automaton_.accepting_.push_back(accepting);
  }
  Automaton take() && { return std::move(automaton_); }

 private:
  Automaton automaton_;
};

}  // namespace catalyst::analysis
