#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "runtime/abi/symbol_table.h"

// What tables of counters have in common: sets of a few places under a lock bit each, found by a keyed hash.

namespace catalyst::decision {

/// Holds a lock bit. Two requests hardly ever want the same one at once.
class Locked {
 public:
  explicit Locked(std::atomic_flag& lock) : lock_(lock) {
    while (lock_.test_and_set(std::memory_order_acquire)) {
    }
  }
  ~Locked() { lock_.clear(std::memory_order_release); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  std::atomic_flag& lock_;
};

/// A secret nobody can aim at another's place without.
struct HashSecret {
  uint64_t parts[2] = {};
};

/// For counters that one run of a test or replay fills. Not zeros: they would leave texts unmixed, so that
/// two with the same blocks in another order were one.
inline constexpr HashSecret kOpenSecret{{0x9e3779b97f4a7c15u, 0xd6e8feb86659fd93u}};

inline uint64_t keyed_hash(uint64_t seed, std::string_view text) {
  uint64_t hash = seed ^ text.size();
  while (text.size() >= 8) {
    hash = abi::TextKey::fold(hash ^ abi::TextKey::load8(text.data()), seed | 1);
    text.remove_prefix(8);
  }
  uint64_t rest = 0;
  for (const char c : text) {
    rest = rest << 8 | static_cast<uint8_t>(c);
  }
  return abi::TextKey::fold(hash ^ rest, 0x9e3779b97f4a7c15u ^ seed);
}

/// Of two texts; never 0.
inline uint64_t keyed_hash(const HashSecret& secret, std::string_view first, std::string_view second) {
  const uint64_t both = keyed_hash(secret.parts[0] ^ keyed_hash(secret.parts[1], first), second);
  return both == 0 ? 1 : both;
}

}  // namespace catalyst::decision
