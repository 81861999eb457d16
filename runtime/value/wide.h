#pragma once

#include <compare>
#include <cstdint>

namespace catalyst::value {

using UWide = unsigned __int128;

/// An unsigned integer of 256 bits, for what decimals need on the way to 128: products, and coefficients at a
/// common scale (at most 127 + 94 bits). Nothing here overflows on such operands.
struct Wide256 {
  UWide low = 0;
  UWide high = 0;

  friend std::strong_ordering operator<=>(const Wide256& a, const Wide256& b) {
    return a.high != b.high ? a.high <=> b.high : a.low <=> b.low;
  }
  friend bool operator==(const Wide256& a, const Wide256& b) = default;

  static Wide256 product(UWide a, UWide b) {
    constexpr UWide kMask = ~uint64_t{0};
    const UWide low = (a & kMask) * (b & kMask);
    const UWide cross_a = (a >> 64) * (b & kMask);
    const UWide cross_b = (a & kMask) * (b >> 64);
    const UWide middle = (low >> 64) + (cross_a & kMask) + (cross_b & kMask);
    return {(middle << 64) | (low & kMask),
            (a >> 64) * (b >> 64) + (cross_a >> 64) + (cross_b >> 64) + (middle >> 64)};
  }
  Wide256 plus(const Wide256& b) const {
    const UWide sum = low + b.low;
    return {sum, high + b.high + (sum < low ? 1 : 0)};
  }
  /// `b` must not be larger.
  Wide256 minus(const Wide256& b) const { return {low - b.low, high - b.high - (low < b.low ? 1 : 0)}; }
  Wide256 times_ten() const {
    Wide256 out = product(low, 10);
    out.high += high * 10;
    return out;
  }
  /// The quotient; `*rest` is 0..9.
  Wide256 over_ten(uint32_t* rest) const {
    const uint64_t parts[4] = {static_cast<uint64_t>(high >> 64), static_cast<uint64_t>(high),
                               static_cast<uint64_t>(low >> 64), static_cast<uint64_t>(low)};
    UWide left = 0;
    uint64_t out[4];
    for (int i = 0; i < 4; i++) {
      left = (left << 64) | parts[i];
      out[i] = static_cast<uint64_t>(left / 10);
      left %= 10;
    }
    *rest = static_cast<uint32_t>(left);
    return {(UWide{out[2]} << 64) | out[3], (UWide{out[0]} << 64) | out[1]};
  }
  /// What a division leaves over; `divisor` has at most 127 bits and is not 0.
  UWide modulo(UWide divisor) const {
    UWide rest = high % divisor;
    for (int bit = 127; bit >= 0; bit--) {
      rest = (rest << 1) | ((low >> bit) & 1);
      rest = rest >= divisor ? rest - divisor : rest;
    }
    return rest;
  }
};

}  // namespace catalyst::value
