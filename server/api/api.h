#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/asio.h"
#include "runtime/mcp/exchange.h"
#include "server/api/decisions.h"

namespace catalyst::mcp {
class Endpoint;
}
namespace catalyst::observe {
class Metrics;
}

namespace catalyst::server {

class PackManager;
class TokenAuthenticator;

/// What the operator's side of the HTTP port needs; all of it outlives the Api.
struct ApiParts {
  PackManager* packs = nullptr;
  mcp::Endpoint* endpoint = nullptr;
  observe::Metrics* metrics = nullptr;
  const TokenAuthenticator* authenticator = nullptr;
  std::function<bool()> draining;
  std::string version;
  std::vector<std::string> allowed_hosts;  // names beside loopback; "*": all
  DecisionsApi::Options decisions;
};

/// /healthz, /readyz, /metrics and /api/v1: pack, upstreams, reload, decisions. Immutable, any thread.
class Api {
 public:
  explicit Api(ApiParts parts) : parts_(std::move(parts)) {}

  /// Answers when the path is one of ours; everything else is answered 404. Never throws.
  Task<void> handle(mcp::HttpExchange& exchange) const;

 private:
  Task<void> reload(mcp::HttpExchange& exchange) const;
  [[nodiscard]] bool may_administer(const mcp::HttpExchange& exchange) const;

  ApiParts parts_;
};

}  // namespace catalyst::server
