#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/mcp/routed_upstream.h"
#include "server/config/config.h"

namespace catalyst::server {

class UpstreamCredentials;

using CredentialsByServer = std::map<std::string, std::shared_ptr<UpstreamCredentials>, std::less<>>;

/// All servers that `config` describes, in its order; not started. `home_of` gives the executor of the server
/// with that number.
Result<std::vector<std::shared_ptr<mcp::Upstream>>> make_servers(
    const Config& config, const CredentialsByServer& credentials, mcp::Caches caches,
    const std::function<Executor(size_t number)>& home_of);

}  // namespace catalyst::server
