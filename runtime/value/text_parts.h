#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace catalyst::value {

/// Which of many parts stand in a text, found in one pass over it where the processor can (AVX2): at 32
/// places at once the three rarest bytes of every part are looked for, by their halves, and only what has
/// them is compared. A text made to have many such places is searched for one part after the other.
/// Immutable; any thread.
class TextParts {
 public:
  /// None of `parts` is empty.
  explicit TextParts(std::span<const std::string> parts);

  /// How many words of 64 bits find() writes.
  [[nodiscard]] size_t words() const { return (parts_.size() + 63) / 64; }
  /// Bit i of `found` says whether parts[i] is in `text`.
  void find(std::string_view text, uint64_t* found) const noexcept;
  /// As if all parts were.
  void find_all(uint64_t* found) const noexcept;

 private:
  static constexpr size_t kWindow = 3;
  static constexpr size_t kGroups = 8;     // a bit each in a byte
  using Halves = std::array<uint8_t, 16>;  // groups by the half of a byte

  struct Part {
    std::string text;
    uint32_t window = 0;  // where its rarest bytes begin
    uint32_t bit = 0;
  };

  void choose_windows();
  void fill_halves();
  void find_each(std::string_view text, uint64_t* found) const noexcept;
  bool find_wide(std::string_view text, uint64_t* found) const noexcept;
  bool scan(const char* from, size_t places, size_t at, std::string_view text, uint64_t* found,
            size_t& left) const noexcept;
  void verify(uint8_t groups, size_t place, std::string_view text, uint64_t* found,
              size_t& left) const noexcept;

  std::vector<Part> parts_;  // by group
  std::array<uint32_t, kGroups + 1> group_begin_{};
  std::array<Halves, kWindow> low_{};
  std::array<Halves, kWindow> high_{};
};

}  // namespace catalyst::value
