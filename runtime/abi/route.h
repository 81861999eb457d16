#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// What a `route` declaration says, as plain data: filled by the compiler, asked by runtime/decision for the
// expressions in it, obeyed by runtime/routing. Durations are milliseconds.

namespace catalyst::abi {

struct RouteTarget {
  std::string server;   // an upstream of the configuration, by its name there
  uint32_t weight = 1;  // share of the traffic for Balance::Weighted; 0: only by `prefer` and as fallback
};

enum class Balance : uint8_t {
  Weighted,     // smooth weighted round robin; round robin when all weights are equal
  LeastLoaded,  // power of two choices over requests under way, divided by weight
  Hash,         // consistent hash of `balance hash EXPR`
};

/// What an attempt ended with, as a set of bits.
enum class RetryOn : uint8_t { Timeout = 1, Unavailable = 2, Error = 4 };

struct RetryPolicy {
  uint32_t attempts = 0;  // besides the first
  uint8_t on = 0;         // of RetryOn
  uint32_t backoff_min_ms = 0;
  uint32_t backoff_max_ms = 0;
};

struct BreakerPolicy {
  uint32_t failures = 0;
  uint32_t window_ms = 0;
  uint32_t open_ms = 0;
};

struct CachePolicy {
  uint32_t ttl_ms = 0;
};

struct ShadowPolicy {
  std::string server;
  uint32_t share_ppm = 0;  // of calls that are copied, in parts per million
};

struct Route {
  std::string name;
  std::vector<RouteTarget> targets;  // in source order; the order of fallback
  Balance balance = Balance::Weighted;
  uint32_t timeout_ms = 0;  // of the whole call with all attempts; 0: the configuration's
  std::optional<RetryPolicy> retry;
  std::optional<BreakerPolicy> breaker;
  std::optional<uint32_t> hedge_after_ms;
  std::optional<CachePolicy> cache;
  std::optional<ShadowPolicy> shadow;
};

}  // namespace catalyst::abi
