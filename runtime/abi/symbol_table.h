#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "runtime/base/one_page.h"

namespace catalyst::abi {

/// A short string in registers: up to 16 bytes, `a` and `b` are the string itself with zeros behind it, so
/// that two are equal when these and `length` are. Longer ones are digested, and equal words only mean that a
/// comparison of the texts is due.
struct TextKey {
  static constexpr size_t kExactMax = 16;
  uint64_t a = 0;
  uint64_t b = 0;
  uint32_t length = 0;

  bool operator==(const TextKey& other) const {  // without branches: which part differs is chance
    return ((a ^ other.a) | (b ^ other.b) | (length ^ other.length)) == 0;
  }
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

  // By value all the way: a key whose address nobody takes stays in registers.
  static TextKey of(std::string_view s) { return s.size() > kExactMax ? digested(s) : of_short(s); }
  /// Of at most kExactMax bytes.
  static TextKey of_short(std::string_view s) { return loaded(s.data(), s.size()); }

  /// Multiply and fold. Not keyed: it only ever fills tables whose keys come from the pack or are bounded in
  /// number, so that a hostile request can cost a comparison, never a chain.
  [[nodiscard]] uint64_t hash() const { return fold(a ^ kA ^ length, b ^ kB); }

 private:
  static constexpr uint64_t kA = 0x9e3779b97f4a7c15u;
  static constexpr uint64_t kB = 0xd6e8feb86659fd93u;

  /// At most 16 bytes.
  [[gnu::noinline]] static TextKey loaded_exactly(const char* p, size_t n) {
    TextKey key{0, 0, static_cast<uint32_t>(n)};
    if (n >= 8) {
      key.a = load8(p);
      key.b = n == 8 ? 0 : load8(p + n - 8) >> (8 * (16 - n));
    } else if (n >= 4) {
      key.a = load4(p) | (n == 4 ? 0 : (load4(p + n - 4) >> (8 * (8 - n))) << 32);
    } else {
      for (size_t i = 0; i < n; ++i) {
        key.a |= static_cast<uint64_t>(static_cast<uint8_t>(p[i])) << (8 * i);
      }
    }
    return key;
  }

  [[gnu::noinline]] static TextKey digested(std::string_view s) {
    const char* p = s.data();
    const char* const end = p + s.size();
    uint64_t head = 0;
    for (; end - p > 16; p += 16) {
      head = fold(head ^ load8(p) ^ kA, load8(p + 8) ^ kB);
    }
    return {load8(end - 16) ^ head, load8(end - 8), static_cast<uint32_t>(s.size())};
  }

  /// Lengths of strings are chance, and a branch on them is a branch mispredicted: one load of 16 bytes, what
  /// is behind the string masked away.
  static TextKey loaded(const char* p, size_t n) {
#if defined(__SSE2__)
    alignas(16) static constexpr char kMask[32] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                                   -1, -1, -1, -1, -1, -1, -1, -1};
    p = n == 0 ? kMask : p;  // an empty text may be nowhere
    if (is_on_one_page(p, 16)) [[likely]] {
      const auto* const at = reinterpret_cast<const __m128i*>(without_bounds(p));
      const __m128i mask = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kMask + 16 - n));
      const __m128i text = _mm_and_si128(_mm_loadu_si128(at), mask);
      return {static_cast<uint64_t>(_mm_cvtsi128_si64(text)),
              static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(text, text))),
              static_cast<uint32_t>(n)};
    }
#endif
    return loaded_exactly(p, n);
  }
};

/// The strings a pack mentions for one input, numbered from 0. Immutable after it is built; lookups are
/// noexcept and allocate nothing. Hashing is perfect: a name has one place to be, so that a lookup is a hash,
/// two loads and a comparison, without a branch that depends on the name.
class SymbolTable {
 public:
  /// An empty one.
  SymbolTable() : SymbolTable(std::span<const std::string>{}) {}
  /// Symbol i is `names[i]`; names must differ.
  explicit SymbolTable(std::span<const std::string> names);

  /// The symbol of `name`, or -1 when the pack does not mention it.
  [[nodiscard]] [[gnu::always_inline]] int32_t find(std::string_view name) const noexcept {
    if (name.size() >= short_end_) [[unlikely]] {
      return find_exactly(name);
    }
    const TextKey key = TextKey::of_short(name);
    const Cell& cell = cells_[place(key.hash())];
    // Which names are known is chance, and no branch.
    int32_t unknown = -static_cast<int32_t>(!(cell.key == key));
    __asm__("" : "+r"(unknown));  // or the compiler makes one
    return cell.symbol | unknown;
  }

  [[nodiscard]] size_t size() const { return names_ ? names_->size() : 0; }
  [[nodiscard]] std::string_view name(uint32_t symbol) const { return (*names_)[symbol]; }

 private:
  struct alignas(32) Cell {
    TextKey key;
    int32_t symbol = -1;
  };

  [[nodiscard]] size_t place(uint64_t hash) const noexcept {
    return (static_cast<uint32_t>(hash) * multipliers_[hash >> group_shift_]) >> cell_shift_;
  }
  [[nodiscard]] int32_t find_exactly(std::string_view name) const noexcept;
  bool place_group(std::span<const int32_t> group, std::span<const TextKey> keys, uint32_t multiplier);

  size_t short_end_ = TextKey::kExactMax + 1;  // names below this length are found by their keys alone
  size_t longest_ = 0;                         // of the names
  uint32_t group_shift_ = 0;
  uint32_t cell_shift_ = 0;
  std::vector<uint32_t> multipliers_;  // of each group of names: chosen so that no two names share a cell
  std::vector<Cell> cells_;
  std::vector<int32_t>
      crowded_;  // symbols for which no cell could be found: none, unless names are made for it
  std::shared_ptr<const std::vector<std::string>> names_;  // shared between copies of a unit
};

}  // namespace catalyst::abi
