#pragma once

// Internal to the route runner: one call on its way.

#include <string>
#include <string_view>
#include <vector>

#include "runtime/mcp/route_runner.h"

namespace catalyst::mcp {

struct RouteRunner::Run {
  explicit Run(const UpstreamCall& original) : call(original) {}

  const UpstreamCall& call;
  std::shared_ptr<const Lanes> lanes;
  std::string_view params;  // of the call, or changed
  std::string pinned;
  bool safe = false;  // may reach a target twice
  RouteTrace* trace = nullptr;
  int64_t deadline_ms = 0;
  std::optional<uint64_t> key;                // for the balance
  std::vector<const routing::Target*> unfit;  // must not have the call
  std::vector<const routing::Target*> tried;  // have failed it, beside those
  uint32_t retries = 0;

  [[nodiscard]] const RouteAsk* ask() const { return call.route.get(); }
  [[nodiscard]] const Lane* lane_of(const routing::Target& target) const {
    for (const Lane& lane : *lanes) {
      if (lane.target.get() == &target) {
        return &lane;
      }
    }
    return nullptr;
  }
};

}  // namespace catalyst::mcp
