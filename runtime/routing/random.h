#pragma once

#include <cstdint>
#include <string_view>

namespace catalyst::routing {

/// Mixes all bits of a number into all bits of another (the finaliser of SplitMix64).
inline uint64_t mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9U;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

/// The same in every process and version, so that engines agree on where a key belongs (FNV-1a, mixed).
inline uint64_t hash_text(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return mix(hash);
}

/// Numbers that look random, from a seed, so that a test can have the same ones again. Not for secrets.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15U); }
  /// Below `bound`, which must not be 0.
  uint64_t below(uint64_t bound) { return next() % bound; }
  /// True for that share of calls, in parts per million.
  bool chance_ppm(uint32_t ppm) { return below(1'000'000) < ppm; }

 private:
  uint64_t state_;
};

}  // namespace catalyst::routing
