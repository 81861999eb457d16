#include "compiler/ir/verify_routes.h"

#include <algorithm>

#include "compiler/ir/route_limits.h"

namespace catalyst::ir {
namespace {

constexpr uint32_t kWholePpm = 1'000'000;
constexpr uint8_t kAllCauses = static_cast<uint8_t>(abi::RetryOn::Timeout) |
                               static_cast<uint8_t>(abi::RetryOn::Unavailable) |
                               static_cast<uint8_t>(abi::RetryOn::Error);

bool within(uint32_t value, uint32_t most) { return value > 0 && value <= most; }

bool are_sound(const std::vector<abi::RouteTarget>& targets) {
  if (targets.size() > kMaxRouteTargets) {
    return false;
  }
  bool any_weight = targets.empty();
  for (size_t i = 0; i < targets.size(); i++) {
    any_weight = any_weight || targets[i].weight > 0;
    if (targets[i].server.empty() || targets[i].weight > kMaxRouteWeight ||
        std::any_of(targets.begin(), targets.begin() + static_cast<ptrdiff_t>(i),
                    [&](const abi::RouteTarget& other) { return other.server == targets[i].server; })) {
      return false;
    }
  }
  return any_weight;
}

bool is_sound(const abi::RetryPolicy& retry) {
  return within(retry.attempts, kMaxRouteRetries) && retry.on != 0 && (retry.on & ~kAllCauses) == 0 &&
         retry.backoff_min_ms <= retry.backoff_max_ms && retry.backoff_max_ms <= kMaxRouteTimeMs;
}

bool is_sound(const abi::BreakerPolicy& breaker) {
  return within(breaker.failures, kMaxRouteFailures) && within(breaker.window_ms, kMaxRouteTimeMs) &&
         within(breaker.open_ms, kMaxRouteOpenMs);
}

bool reads(const Module& module, const Route& route, abi::InputRoot root) {
  return std::any_of(route.key.begin(), route.key.end(), [&](ExprId part) {
    return part.valid() && module.expr(part).op == Op::Slot &&
           module.slots[module.expr(part).payload].root == root;
  });
}

/// An answer must not reach a caller whom the key does not name.
bool has_sound_cache(const Module& module, const Route& route) {
  if (!route.cache) {
    return route.key.empty();
  }
  if (!within(route.cache->ttl_ms, kMaxRouteCacheMs) || route.key.size() > kMaxRouteKeyParts ||
      std::all_of(route.key.begin(), route.key.end(), [](ExprId part) { return part.valid(); })) {
    return false;
  }
  switch (route.cache->scope) {
    case abi::CacheScope::Principal:
      return reads(module, route, abi::InputRoot::PrincipalId);
    case abi::CacheScope::Tenant:
      return reads(module, route, abi::InputRoot::PrincipalTenant);
    case abi::CacheScope::Shared:
      return true;
  }
  return false;
}

bool is_sound(const Module& module, const Route& route) {
  const auto prefers = [&](const RoutePrefer& prefer) { return prefer.target < route.targets.size(); };
  return !route.name.empty() && route.calls.index < module.targets.size() && are_sound(route.targets) &&
         route.prefers.size() <= kMaxRoutePrefers &&
         std::all_of(route.prefers.begin(), route.prefers.end(), prefers) &&
         route.hash.valid() == (route.balance == abi::Balance::Hash) && route.timeout_ms <= kMaxRouteTimeMs &&
         (!route.retry || is_sound(*route.retry)) && (!route.breaker || is_sound(*route.breaker)) &&
         (!route.hedge_after_ms || within(*route.hedge_after_ms, kMaxRouteTimeMs)) &&
         has_sound_cache(module, route) &&
         (!route.shadow || (!route.shadow->server.empty() && within(route.shadow->share_ppm, kWholePpm)));
}

}  // namespace

std::string routes_problem(const Module& module) {
  for (const Route& route : module.routes) {
    if (!is_sound(module, route)) {
      return "route " + route.name + " is malformed";
    }
  }
  return {};
}

}  // namespace catalyst::ir
