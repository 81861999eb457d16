#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "compiler/analysis/automaton.h"

namespace catalyst::analysis {

/// A nondeterministic automaton under construction. Assertions look at the bytes on both sides.
class Nfa {
 public:
  static constexpr size_t kMaxStates = 20'000;
  enum class Assertion : uint8_t { None, Begin, End, WordBoundary, NotWordBoundary };
  struct Edge {
    uint8_t low;
    uint8_t high;
    uint32_t to;
  };
  struct Step {
    Assertion assertion;
    uint32_t to;
  };
  struct State {
    std::vector<Edge> edges;
    std::vector<Step> steps;  // taken without reading
  };

  uint32_t add() {
    states.emplace_back();
    return static_cast<uint32_t>(states.size() - 1);
  }
  void edge(uint32_t from, uint8_t low, uint8_t high, uint32_t to) {
    states[from].edges.push_back({low, high, to});
  }
  void step(uint32_t from, uint32_t to, Assertion assertion = Assertion::None) {
    states[from].steps.push_back({assertion, to});
  }
  /// The bytes of `text`, one after the other.
  uint32_t literal(uint32_t from, std::string_view text);
  /// Any code point of [low, high], in UTF-8.
  void code_points(uint32_t from, uint32_t low, uint32_t high, uint32_t to);
  [[nodiscard]] bool too_large() const { return states.size() > kMaxStates; }

  /// By subset construction; nullopt beyond Automaton::kMaxStates.
  [[nodiscard]] std::optional<Automaton> determinise(uint32_t start, uint32_t final) const;

  std::vector<State> states;
};

}  // namespace catalyst::analysis
