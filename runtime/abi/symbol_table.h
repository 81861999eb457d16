#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace catalyst::abi {

namespace hash_detail {

inline uint64_t load8(const char* p) {
  uint64_t v;
  std::memcpy(&v, p, 8);
  return v;
}

inline uint64_t load4(const char* p) {
  uint32_t v;
  std::memcpy(&v, p, 4);
  return v;
}

inline uint64_t fold(uint64_t a, uint64_t b) {
  const unsigned __int128 m = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(m) ^ static_cast<uint64_t>(m >> 64);
}

}  // namespace hash_detail

/// 64-bit hash of a short string by multiply and fold. Not keyed: it only ever fills tables whose keys come
/// from the pack, so that a hostile request can cost one comparison, never a chain.
inline uint64_t hash_text(std::string_view s) {
  using namespace hash_detail;
  constexpr uint64_t kA = 0x9e3779b97f4a7c15u;
  constexpr uint64_t kB = 0xd6e8feb86659fd93u;
  const char* p = s.data();
  size_t n = s.size();
  uint64_t h = n;
  while (n > 16) {
    h = fold(h ^ load8(p) ^ kA, load8(p + 8) ^ kB);
    p += 16;
    n -= 16;
  }
  uint64_t a = 0;
  uint64_t b = 0;
  if (n >= 8) {
    a = load8(p);
    b = load8(p + n - 8);
  } else if (n >= 4) {
    a = load4(p);
    b = load4(p + n - 4);
  } else if (n > 0) {
    a = (static_cast<uint64_t>(static_cast<uint8_t>(p[0])) << 16) |
        (static_cast<uint64_t>(static_cast<uint8_t>(p[n >> 1])) << 8) | static_cast<uint8_t>(p[n - 1]);
  }
  return fold(a ^ kA ^ h, b ^ kB);
}

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
    const uint64_t h = hash_text(name);
    for (uint64_t i = h & mask_;; i = (i + 1) & mask_) {
      const Cell& cell = cells_[i];
      if (cell.symbol < 0) {
        return -1;
      }
      if (cell.hash == h && cell.length == name.size() &&
          std::memcmp(cell.text, name.data(), name.size()) == 0) {
        return cell.symbol;
      }
    }
  }

  [[nodiscard]] size_t size() const { return names_ ? names_->size() : 0; }
  [[nodiscard]] std::string_view name(uint32_t symbol) const { return (*names_)[symbol]; }

 private:
  struct Cell {
    uint64_t hash = 0;
    const char* text = nullptr;
    uint32_t length = 0;
    int32_t symbol = -1;
  };
  uint64_t mask_ = 0;
  std::vector<Cell> cells_;  // at most half full; texts point into names_
  std::shared_ptr<const std::vector<std::string>>
      names_;  // shared, so that copies of a unit keep the texts in place
};

}  // namespace catalyst::abi
