#include "compiler/analysis/automaton.h"

#include "compiler/analysis/automaton_builder.h"
#include "compiler/analysis/nfa.h"
#include "runtime/base/check.h"

namespace catalyst::analysis {
namespace {

void any_bytes(Nfa& nfa, uint32_t state) { nfa.edge(state, 0, 255, state); }

Automaton small(const Nfa& nfa, uint32_t start, uint32_t final) {
  std::optional<Automaton> out = nfa.determinise(start, final);
  // A text of a pack: the states of its automaton are its bytes, bounded by the caller's length check.
  CHECK(out.has_value(), "the automaton of a short text is small");
  return std::move(*out);
}

}  // namespace

bool Automaton::accepts(std::string_view text) const {
  uint32_t state = start();
  for (const char c : text) {
    state = next(state, static_cast<uint8_t>(c));
  }
  return accepts(state);
}

Automaton Automaton::preimage(const std::array<uint8_t, 256>& map) const {
  Automaton out = *this;
  for (size_t byte = 0; byte < 256; ++byte) {
    out.class_of_[byte] = class_of_[map[byte]];
  }
  return out;
}

Automaton prefix_automaton(std::string_view prefix) {
  Nfa nfa;
  const uint32_t start = nfa.add();
  const uint32_t final = nfa.literal(start, prefix);
  any_bytes(nfa, final);
  return small(nfa, start, final);
}

Automaton suffix_automaton(std::string_view suffix) {
  Nfa nfa;
  const uint32_t start = nfa.add();
  any_bytes(nfa, start);
  return small(nfa, start, nfa.literal(start, suffix));
}

Automaton substring_automaton(std::string_view part) {
  Nfa nfa;
  const uint32_t start = nfa.add();
  any_bytes(nfa, start);
  const uint32_t final = nfa.literal(start, part);
  any_bytes(nfa, final);
  return small(nfa, start, final);
}

std::optional<Automaton> glob_automaton(std::string_view pattern) {
  Nfa nfa;
  const uint32_t start = nfa.add();
  uint32_t at = start;
  for (const char c : pattern) {
    if (c == '*') {
      const uint32_t loop = nfa.add();
      nfa.step(at, loop);
      any_bytes(nfa, loop);
      at = loop;
    } else if (c == '?') {
      const uint32_t to = nfa.add();
      nfa.code_points(at, 0, 0x10FFFF, to);
      at = to;
    } else {
      at = nfa.literal(at, std::string_view(&c, 1));
    }
  }
  return nfa.determinise(start, at);
}

Automaton before_automaton(std::string_view bound, Bound kind) {
  // Equal so far after i bytes: states 0 to n; then a state for "before" and one for "after".
  std::array<uint8_t, 256> identity{};
  for (size_t byte = 0; byte < 256; ++byte) {
    identity[byte] = static_cast<uint8_t>(byte);
  }
  AutomatonBuilder out(identity, 256);
  const auto count = static_cast<uint32_t>(bound.size());
  const uint32_t before = count + 1;
  const uint32_t after = count + 2;
  for (uint32_t i = 0; i < count; ++i) {
    const auto own = static_cast<uint8_t>(bound[i]);
    std::vector<uint32_t> row(256);
    for (uint32_t byte = 0; byte < 256; ++byte) {
      row[byte] = byte < own ? before : (byte == own ? i + 1 : after);
    }
    out.add(row, true);  // a proper prefix of the bound comes before it
  }
  out.add(std::vector<uint32_t>(256, after), kind == Bound::Inclusive);
  out.add(std::vector<uint32_t>(256, before), true);
  out.add(std::vector<uint32_t>(256, after), false);
  return std::move(out).take();
}

Automaton length_automaton(uint32_t count) {
  Nfa nfa;
  const uint32_t start = nfa.add();
  uint32_t at = start;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t to = nfa.add();
    nfa.code_points(at, 0, 0x10FFFF, to);
    at = to;
  }
  any_bytes(nfa, at);
  return small(nfa, start, at);
}

const Automaton& utf8_automaton() {
  static const Automaton kUtf8 = [] {
    Nfa nfa;
    const uint32_t start = nfa.add();
    nfa.code_points(start, 0, 0x10FFFF, start);
    return small(nfa, start, start);
  }();
  return kUtf8;
}

}  // namespace catalyst::analysis
