#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/abi/route.h"
#include "runtime/routing/group.h"

namespace catalyst::mcp {

class RouteRunner;

/// One target of a route as operators see it.
struct LaneStatus {
  routing::MemberStatus member;
  std::string place;   // its address
  std::string origin;  // "file", "dns", "api", "policy"
  std::string error;   // its last failure
};

/// A route and what it did so far.
struct RouteStatus {
  std::string name;
  std::string server;
  bool declared = false;  // by the pack; otherwise by the configuration
  abi::Balance balance = abi::Balance::Weighted;
  std::vector<LaneStatus> lanes;
  uint64_t calls = 0;
  uint64_t retries = 0;
  uint64_t retries_denied = 0;
  uint64_t hedges = 0;
  uint64_t hedges_won = 0;
  uint64_t cache_hits = 0;
  uint64_t cache_misses = 0;
  uint64_t coalesced = 0;
  uint64_t shadows_same = 0;
  uint64_t shadows_different = 0;
  uint64_t shadows_failed = 0;
};
RouteStatus status_of(const RouteRunner& runner, const std::string& server);

std::string_view text_of(abi::Balance balance);

}  // namespace catalyst::mcp
