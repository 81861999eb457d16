#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace catalyst {

/// The first eight of `length` bytes at `at` as a number, the first byte lowest, missing ones as zeros. Reads
/// no other byte, and copies pieces of constant lengths alone, for those are no calls: short texts are hashed
/// and looked through by words.
inline uint64_t word_of(const char* at, size_t length) {
  uint64_t word = 0;
  if (length >= 8) {
    std::memcpy(&word, at, 8);
    return word;
  }
  if (length >= 4) {  // two pieces, which may overlap
    uint32_t low = 0;
    uint32_t high = 0;
    std::memcpy(&low, at, 4);
    std::memcpy(&high, at + length - 4, 4);
    return low | uint64_t{high} << (8 * (length - 4));
  }
  if (length == 0) {
    return 0;
  }
  const auto byte = [at](size_t i) { return uint64_t{static_cast<uint8_t>(at[i])} << (8 * i); };
  return byte(0) | byte(length / 2) | byte(length - 1);
}

}  // namespace catalyst
