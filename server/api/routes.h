#pragma once

#include <string_view>

#include "runtime/base/asio.h"
#include "runtime/mcp/exchange.h"

namespace catalyst::mcp {
class Endpoint;
}

namespace catalyst::server {

/// /api/v1/routes: the routes with the state of their targets; replicas added, taken out, drained and weighed
/// anew. What is changed here lasts until the process ends. The caller has seen to it that whoever asks may.
/// Immutable, any thread.
class RoutesApi {
 public:
  explicit RoutesApi(mcp::Endpoint& endpoint) : endpoint_(endpoint) {}

  [[nodiscard]] static bool is_ours(std::string_view path);
  Task<void> handle(mcp::HttpExchange& exchange) const;

 private:
  mcp::Endpoint& endpoint_;
};

}  // namespace catalyst::server
