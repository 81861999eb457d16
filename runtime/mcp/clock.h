#pragma once

#include <chrono>
#include <cstdint>

namespace catalyst::mcp {

/// Nanoseconds of a clock that never goes back; differences only.
inline int64_t steady_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
inline int64_t steady_ms() { return steady_ns() / 1'000'000; }

/// Microseconds since 1970-01-01T00:00:00Z.
inline int64_t wall_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace catalyst::mcp
