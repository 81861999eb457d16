#include "server/gateway/shared_cache.h"

#include <algorithm>

#include "runtime/observe/log.h"
#include "server/version.h"

namespace catalyst::server {

std::unique_ptr<SharedCache> make_shared_cache(const Config& config) {
  if (!config.redis.address) {
    return nullptr;
  }
  redis::Options options;
  options.address = *config.redis.address;
  options.timeout_ms = config.redis.timeout_ms;
  options.retry_ms = config.redis.retry_ms;
  options.value_bytes = config.redis.value_bytes;
  options.queue_bytes = std::max(options.queue_bytes, 4 * options.value_bytes);
  options.log = [](bool connected, const std::string& text) {
    observe::log(connected ? observe::Level::Info : observe::Level::Warn,
                 connected ? "results are shared by Redis" : "no Redis: results are kept in memory alone",
                 {{"redis", text}});
  };
  // Another version may mean another thing by a key.
  return std::make_unique<SharedCache>(std::move(options), config.secrets,
                                       config.redis.prefix + kVersion + ":");
}

}  // namespace catalyst::server
