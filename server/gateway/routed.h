#pragma once

#include <memory>
#include <vector>

#include "runtime/mcp/routed_upstream.h"
#include "runtime/observe/metrics.h"
#include "server/config/config.h"

namespace catalyst::server {

class UpstreamCredentials;

/// The server with several replicas, or with a route of its own, that `config` describes; not started.
/// `servers` are all of the configuration, in its order, with nullptr for those that are not made yet; those
/// that `config` names are. `cache` outlives it.
Result<std::shared_ptr<mcp::RoutedUpstream>> make_routed(
    const UpstreamConfig& config, size_t replicas_max, Executor home,
    const std::shared_ptr<UpstreamCredentials>& credentials,
    const std::vector<std::shared_ptr<mcp::Upstream>>& servers, routing::ResultCache& cache);

/// Routes as metrics show them.
std::vector<observe::RouteSample> route_samples(const std::vector<mcp::RouteStatus>& routes);

}  // namespace catalyst::server
