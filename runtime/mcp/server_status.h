#pragma once

#include <vector>

#include "runtime/mcp/endpoint.h"

namespace catalyst::mcp {

class Router;

/// What operators see of each server, in configuration order. Any thread.
std::vector<ServerStatus> server_statuses(const Router& router);

}  // namespace catalyst::mcp
