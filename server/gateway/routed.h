#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/mcp/routed_upstream.h"
#include "runtime/observe/metrics.h"
#include "server/config/config.h"

namespace catalyst::server {

class UpstreamCredentials;

using CredentialsByServer = std::map<std::string, std::shared_ptr<UpstreamCredentials>, std::less<>>;

/// All servers that `config` describes, in its order; not started. `home_of` gives the executor of the server
/// with that number. `cache` outlives them.
Result<std::vector<std::shared_ptr<mcp::Upstream>>> make_servers(
    const Config& config, const CredentialsByServer& credentials, routing::ResultCache& cache,
    const std::function<Executor(size_t number)>& home_of);

/// Routes as metrics show them.
std::vector<observe::RouteSample> route_samples(const std::vector<mcp::RouteStatus>& routes);

}  // namespace catalyst::server
