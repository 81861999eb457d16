#include "server/gateway/samples.h"

#include "runtime/mcp/channel_ends.h"
#include "runtime/mcp/engine_peers.h"

namespace catalyst::server {

std::vector<observe::RouteSample> route_samples(const std::vector<mcp::RouteStatus>& routes) {
  std::vector<observe::RouteSample> out;
  for (const mcp::RouteStatus& route : routes) {
    observe::RouteSample sample;
    sample.route = route.name;
    sample.server = route.server;
    sample.calls = route.calls;
    sample.retries = {{"sent", route.retries}, {"denied", route.retries_denied}};
    sample.hedges = {{"sent", route.hedges}, {"won", route.hedges_won}};
    sample.cache = {{"hit", route.cache_hits}, {"miss", route.cache_misses}, {"joined", route.coalesced}};
    sample.shadows = {{"same", route.shadows_same},
                      {"different", route.shadows_different},
                      {"failed", route.shadows_failed}};
    for (const mcp::LaneStatus& lane : route.lanes) {
      observe::RouteTargetSample target;
      target.target = lane.member.name;
      target.state = routing::text_of(lane.member.target.standing);
      target.breaker = static_cast<int>(lane.member.breaker);
      target.in_flight = lane.member.target.in_flight;
      for (size_t i = 0; i < routing::kOutcomeCount; ++i) {
        target.outcomes.emplace_back(routing::text_of(static_cast<routing::Outcome>(i)),
                                     lane.member.outcomes[i]);
      }
      sample.targets.push_back(std::move(target));
    }
    out.push_back(std::move(sample));
  }
  return out;
}

std::vector<observe::ChannelSample> channel_samples(const mcp::Endpoint& endpoint) {
  std::vector<observe::ChannelSample> out;
  for (size_t i = 0; i < std::size(mcp::kChannelEnds); ++i) {
    const auto end = static_cast<mcp::ChannelEnd>(i);
    out.push_back({"sse", std::string(mcp::kChannelEnds[i]), endpoint.sse_ends().of(end)});
    out.push_back({"websocket", std::string(mcp::kChannelEnds[i]), endpoint.websocket_ends().of(end)});
  }
  return out;
}

observe::Tally handed_over_sample(const mcp::Endpoint& endpoint) {
  observe::Tally out;
  for (size_t i = 0; i < std::size(mcp::kHandedOver); ++i) {
    out.emplace_back(mcp::kHandedOver[i], endpoint.peers().count(static_cast<mcp::HandedOver>(i)));
  }
  return out;
}

observe::CacheSample cache_sample(const routing::ResultCache& memory, const SharedCache* shared) {
  observe::CacheSample out;
  out.bytes = memory.bytes();
  out.entries = memory.entries();
  if (shared != nullptr) {
    out.shared = true;
    out.connected = shared->client.connected();
    for (size_t i = 0; i < std::size(mcp::kSharedUses); ++i) {
      out.uses.emplace_back(mcp::kSharedUses[i], shared->results.count(static_cast<mcp::SharedUse>(i)));
    }
  }
  return out;
}

}  // namespace catalyst::server
