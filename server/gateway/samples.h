#pragma once

#include <vector>

#include "runtime/mcp/endpoint.h"
#include "runtime/observe/metrics.h"
#include "runtime/routing/result_cache.h"
#include "server/gateway/shared_cache.h"

// What metrics show of the router's parts.

namespace catalyst::server {

std::vector<observe::RouteSample> route_samples(const std::vector<mcp::RouteStatus>& routes);

/// HTTP+SSE streams and WebSockets that the gateway ended.
std::vector<observe::ChannelSample> channel_samples(const mcp::Endpoint& endpoint);

/// Requests that other engines should answer.
observe::Tally handed_over_sample(const mcp::Endpoint& endpoint);

/// Both levels of the cache; `shared` may be nullptr.
observe::CacheSample cache_sample(const routing::ResultCache& memory, const SharedCache* shared);

}  // namespace catalyst::server
