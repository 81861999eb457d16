#pragma once

#include "runtime/mcp/endpoint.h"
#include "server/config/config.h"
#include "server/http/listener.h"

// Limits of the configuration as those of the parts that keep them.

namespace catalyst::server {

void apply_limits(const LimitsConfig& limits, mcp::EndpointOptions& out);
void apply_limits(const LimitsConfig& limits, HttpOptions& out);

}  // namespace catalyst::server
