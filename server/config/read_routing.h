#pragma once

// Internal to server/config: how calls of a server are spread over its replicas.

#include <string>
#include <vector>

#include "server/config/reader.h"

namespace catalyst::server {

/// The keys of routing of one server; mistakes go to `problems`.
RoutingConfig read_routing(const std::string& file, const Tree::Member& server,
                           std::vector<Problem>& problems);

/// Once all servers are read: those that others name must be there, and have one place.
void check_references(const std::string& file, const Tree& map, const std::vector<UpstreamConfig>& servers,
                      std::vector<Problem>& problems);

}  // namespace catalyst::server
