#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace catalyst::server {

/// SipHash-2-4 with an output of 128 bits (Aumasson and Bernstein, "SipHash: a fast short-input PRF", and the
/// authors' reference code for the length): who does not have the key cannot tell its values from random
/// ones, so that two texts with the same value are, for anybody outside the process, the same text. A
/// fraction of the cost of SHA-256 for what is as short as an API key.
class KeyedHash {
 public:
  using Value = std::array<uint64_t, 2>;

  /// With a random key, which never leaves the object.
  KeyedHash();
  explicit KeyedHash(std::span<const uint8_t, 16> key);

  [[nodiscard]] Value operator()(std::string_view text) const;

 private:
  uint64_t low_ = 0;
  uint64_t high_ = 0;
};

}  // namespace catalyst::server
