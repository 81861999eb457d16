#pragma once

#include <memory>
#include <vector>

#include "runtime/mcp/upstream.h"
#include "server/config/config.h"

namespace catalyst::server {

class UpstreamCredentials;

/// The upstream that `config` describes, not started. `home` runs its upkeep and, for stdio, owns the child
/// process: its thread must live until the upstream is stopped. What the server writes to stderr and what an
/// operator should know goes to the log.
/// `credentials` are those of make_credentials, or nullptr.
Result<std::shared_ptr<mcp::Upstream>> make_upstream(const UpstreamConfig& config, Executor home,
                                                     const std::shared_ptr<UpstreamCredentials>& credentials);

/// The tokens that `config` has us show to the server, their files read; nullptr when it names none.
Result<std::shared_ptr<UpstreamCredentials>> make_credentials(const UpstreamConfig& config);

}  // namespace catalyst::server
