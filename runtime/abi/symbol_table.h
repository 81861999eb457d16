#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace catalyst::abi {

/// A short string in registers: up to 16 bytes, `a`, `b` and `length` are the string itself, so that two are
/// equal when these are. Longer ones are digested, and equal words only mean that a comparison of the texts
/// is due.
struct TextKey {
  static constexpr size_t kExactMax = 16;
  uint64_t a = 0;
  uint64_t b = 0;
  uint32_t length = 0;

  bool operator==(const TextKey&) const = default;
  [[nodiscard]] bool exact() const { return length <= kExactMax; }

  static uint64_t load8(const char* p) {
    uint64_t v;
    std::memcpy(&v, p, 8);
    return v;
  }
  static uint64_t load4(const char* p) {
    uint32_t v;
    std::memcpy(&v, p, 4);
    return v;
  }
  static uint64_t fold(uint64_t x, uint64_t y) {
    const unsigned __int128 m = static_cast<unsigned __int128>(x) * y;
    return static_cast<uint64_t>(m) ^ static_cast<uint64_t>(m >> 64);
  }

  static TextKey of(std::string_view s) {
    const char* p = s.data();
    size_t n = s.size();
    TextKey key;
    key.length = static_cast<uint32_t>(n);
    uint64_t head = 0;
    while (n > 16) {
      head = fold(head ^ load8(p) ^ kA, load8(p + 8) ^ kB);
      p += 16;
      n -= 16;
    }
    if (n >= 8) {
      key.a = load8(p);
      key.b = load8(p + n - 8);
    } else if (n >= 4) {
      key.a = load4(p);
      key.b = load4(p + n - 4);
    } else if (n > 0) {
      key.a = (static_cast<uint64_t>(static_cast<uint8_t>(p[0])) << 16) |
              (static_cast<uint64_t>(static_cast<uint8_t>(p[n >> 1])) << 8) | static_cast<uint8_t>(p[n - 1]);
    }
    key.a ^= head;
    return key;
  }

  /// Multiply and fold. Not keyed: it only ever fills tables whose keys come from the pack or are bounded in
  /// number, so that a hostile request can cost a comparison, never a chain.
  [[nodiscard]] uint64_t hash() const { return fold(a ^ kA ^ length, b ^ kB); }

 private:
  static constexpr uint64_t kA = 0x9e3779b97f4a7c15u;
  static constexpr uint64_t kB = 0xd6e8feb86659fd93u;
};

/// The strings a pack mentions for one input, numbered from 0. Immutable after it is built; lookups are
/// noexcept and allocate nothing.
class SymbolTable {
 public:
  SymbolTable() = default;
  /// Symbol i is `names[i]`; names must differ.
  explicit SymbolTable(std::span<const std::string> names);

  /// The symbol of `name`, or -1 when the pack does not mention it.
  [[nodiscard]] int32_t find(std::string_view name) const noexcept {
    if (cells_.empty()) {
      return -1;
    }
    const TextKey key = TextKey::of(name);
    for (uint64_t i = key.hash() & mask_;; i = (i + 1) & mask_) {
      const Cell& cell = cells_[i];
      if (cell.symbol < 0) {
        return -1;
      }
      if (cell.key == key && (key.exact() || (*names_)[static_cast<size_t>(cell.symbol)] == name)) {
        return cell.symbol;
      }
    }
  }

  [[nodiscard]] size_t size() const { return names_ ? names_->size() : 0; }
  [[nodiscard]] std::string_view name(uint32_t symbol) const { return (*names_)[symbol]; }

 private:
  struct Cell {
    TextKey key;
    int32_t symbol = -1;
  };
  uint64_t mask_ = 0;
  std::vector<Cell> cells_;                                // at most half full
  std::shared_ptr<const std::vector<std::string>> names_;  // shared between copies of a unit
};

}  // namespace catalyst::abi
