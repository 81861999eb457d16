#pragma once

#include <memory>

#include "runtime/mcp/shared_results.h"
#include "runtime/redis/client.h"
#include "server/config/config.h"

namespace catalyst::server {

/// The second level of the result cache: a Redis, and what is kept there.
struct SharedCache {
  SharedCache(redis::Options options, const std::vector<std::string>& secrets, std::string prefix)
      : client(std::move(options)), results(client, secrets, std::move(prefix)) {}
  redis::Client client;
  mcp::SharedResults results;
};

/// As the configuration has it; nullptr: not at all.
std::unique_ptr<SharedCache> make_shared_cache(const Config& config);

}  // namespace catalyst::server
