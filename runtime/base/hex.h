#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace catalyst {

/// Two digits a byte, lower case.
inline void append_hex(std::string& out, std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

}  // namespace catalyst
