#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/abi/source_place.h"

// What a `route` declaration says, as plain data: filled by the compiler, asked by runtime/decision for the
// expressions in it (decision/route.h), obeyed by runtime/routing. Durations are milliseconds.

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

/// Who may be given the answer that another caller's call got.
enum class CacheScope : uint8_t {
  Principal,  // nobody: the key names the principal
  Tenant,     // whoever is of the same tenant; without a tenant nobody
  Shared,     // everybody
};

struct CachePolicy {
  uint32_t ttl_ms = 0;
  CacheScope scope = CacheScope::Principal;
};

struct ShadowPolicy {
  std::string server;
  uint32_t share_ppm = 0;  // of calls that are copied, in parts per million
};

/// `prefer SERVER when CONDITION`
struct RoutePrefer {
  uint32_t target = 0;     // in Route::targets
  uint32_t condition = 0;  // expression
};

struct Route {
  static constexpr uint32_t kNone = UINT32_MAX;

  std::string name;
  std::vector<RouteTarget> targets;  // in source order; the order of fallback. Empty: the call's own server
  Balance balance = Balance::Weighted;
  uint32_t timeout_ms = 0;  // of the whole call with all attempts; 0: the configuration's
  std::optional<RetryPolicy> retry;
  std::optional<BreakerPolicy> breaker;
  std::optional<uint32_t> hedge_after_ms;
  std::optional<CachePolicy> cache;
  std::optional<ShadowPolicy> shadow;
  /// The author says that a call may reach a server twice (retry, hedge, shadow), whatever the tool's
  /// definition says. Otherwise only tools with `readOnlyHint` or `idempotentHint` are sent again.
  bool repeatable = false;

  // What runtime/decision asks. Expressions are indexes as in RuleInfo.
  uint32_t calls = 0;                // in Unit::targets: what the route is for
  std::vector<RoutePrefer> prefers;  // in source order: the first that holds counts
  uint32_t hash = kNone;             // string
  std::vector<uint32_t> key;         // of the cache; kNone: the arguments as they are sent, whole
  std::vector<uint32_t> slots;       // that all of these read; ascending
  SourcePlace place;                 // of the name
};

}  // namespace catalyst::abi
