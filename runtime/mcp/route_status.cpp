#include "runtime/mcp/route_status.h"

#include "runtime/base/clock.h"
#include "runtime/mcp/route_runner.h"

namespace catalyst::mcp {

std::string_view text_of(abi::Balance balance) {
  switch (balance) {
    case abi::Balance::Weighted:
      return "weighted";
    case abi::Balance::LeastLoaded:
      return "least_loaded";
    case abi::Balance::Hash:
      return "hash";
  }
  return "";
}

RouteStatus status_of(const RouteRunner& runner, const std::string& server) {
  const routing::Group& group = runner.group();
  RouteStatus out;
  out.name = runner.rule().route.name;
  out.server = server;
  out.balance = runner.rule().route.balance;
  const std::shared_ptr<const Lanes> lanes = runner.lanes();
  for (routing::MemberStatus& member : group.status(steady_ms())) {
    LaneStatus one;
    for (const Lane& lane : *lanes) {
      if (lane.target->name() == member.name) {
        one.place = lane.place;
        one.origin = lane.origin;
        one.error = lane.upstream->last_error();
      }
    }
    one.member = std::move(member);
    out.lanes.push_back(std::move(one));
  }
  out.calls = group.calls;
  out.retries = group.retries;
  out.retries_denied = group.retries_denied;
  out.hedges = group.hedges;
  out.hedges_won = group.hedges_won;
  out.cache_hits = group.cache_hits;
  out.cache_misses = group.cache_misses;
  out.coalesced = group.coalesced;
  out.shadows_same = group.shadows_same;
  out.shadows_different = group.shadows_different;
  out.shadows_failed = group.shadows_failed;
  return out;
}

}  // namespace catalyst::mcp
