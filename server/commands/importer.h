#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/config/config.h"

namespace catalyst::server {

/// What one server said about itself.
struct Imported {
  std::string server;
  std::string failure;  // not empty: nothing below
  std::string
      json;  // {"server", "tools", "prompts", "resources", "resourceTemplates"}, raw definitions, indented
  size_t tools = 0;
  size_t prompts = 0;
  size_t resources = 0;
};

/// Connects to all servers at once, follows every page of their lists, and stops them again. In the order of
/// `servers`.
std::vector<Imported> import_servers(const std::vector<UpstreamConfig>& servers, int64_t timeout_ms);

}  // namespace catalyst::server
