#pragma once

#include <cstddef>
#include <cstdint>

// What the clauses of a route may say: `check` reports what is outside, `verify` refuses it. Bounds of the
// language, so that a pack means the same everywhere; docs/language.md lists them.

namespace catalyst::ir {

inline constexpr size_t kMaxRouteTargets = 64;
inline constexpr size_t kMaxRoutePrefers = 64;
inline constexpr size_t kMaxRouteKeyParts = 32;
inline constexpr uint32_t kMaxRouteWeight = 1'000;
inline constexpr uint32_t kMaxRouteRetries = 10;
inline constexpr uint32_t kMaxRouteFailures = 1'000'000;
inline constexpr uint32_t kMaxRouteTimeMs = 60 * 60 * 1000;       // timeouts, delays, windows
inline constexpr uint32_t kMaxRouteOpenMs = 24 * 60 * 60 * 1000;  // of a breaker
inline constexpr uint32_t kMaxRouteCacheMs = 7 * 24 * 60 * 60 * 1000;

}  // namespace catalyst::ir
