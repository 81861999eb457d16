#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace catalyst::analysis {

/// A complete deterministic automaton over bytes: the texts that a prefix, a glob or a regular expression
/// accepts. Immutable.
class Automaton {
 public:
  static constexpr uint32_t kMaxStates = 4000;

  [[nodiscard]] uint32_t start() const { return 0; }
  [[nodiscard]] uint32_t next(uint32_t state, uint8_t byte) const {
    return next_[state * class_count_ + class_of_[byte]];
  }
  [[nodiscard]] bool accepts(uint32_t state) const { return accepting_[state]; }
  [[nodiscard]] bool accepts(std::string_view text) const;
  [[nodiscard]] size_t size() const { return accepting_.size(); }
  /// Bytes of one class are never told apart.
  [[nodiscard]] const std::array<uint8_t, 256>& classes() const { return class_of_; }

  /// The texts whose image under `map` (byte to byte) this automaton accepts.
  [[nodiscard]] Automaton preimage(const std::array<uint8_t, 256>& map) const;

 private:
  friend class AutomatonBuilder;
  std::array<uint8_t, 256> class_of_{};
  uint32_t class_count_ = 0;
  std::vector<uint32_t> next_;
  std::vector<bool> accepting_;
};

Automaton prefix_automaton(std::string_view prefix);
Automaton suffix_automaton(std::string_view suffix);
Automaton substring_automaton(std::string_view part);
/// `*` any run, `?` one code point, the whole text: as the language's `matches` and as targets have it.
std::optional<Automaton> glob_automaton(std::string_view pattern);
/// RE2 syntax, found anywhere in the text. nullopt: a construct that is not understood (\pL, (?m), ...), or
/// more than kMaxStates.
std::optional<Automaton> regex_automaton(std::string_view pattern);
/// Texts that come before `bound` bytewise, or are it when `or_equal`.
enum class Bound : uint8_t { Exclusive, Inclusive };
Automaton before_automaton(std::string_view bound, Bound kind);
/// Texts of at least `count` code points.
Automaton length_automaton(uint32_t count);
/// Well-formed UTF-8: all that a text can be.
const Automaton& utf8_automaton();

}  // namespace catalyst::analysis
