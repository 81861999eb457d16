#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/commands/command.h"
#include "server/commands/service.h"

namespace catalyst::server {

struct LaunchOptions {
  std::string config;
  std::string servers;
  std::string listen;
  std::vector<std::string> policy;
  bool json = false;
  std::optional<StdioClient> stdio;  // serve this client instead of listening
};

/// Reads the configuration, runs the engine until it is told to end, and says on standard error what is
/// wrong.
Exit launch(const LaunchOptions& options);

}  // namespace catalyst::server
