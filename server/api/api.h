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
class Resources;
class ShadowReport;
class TokenAuthenticator;
class ToolLock;

/// What the operator's side of the HTTP port needs; all of it outlives the Api.
struct ApiParts {
  PackManager* packs = nullptr;
  const ShadowReport* shadow = nullptr;
  mcp::Endpoint* endpoint = nullptr;
  observe::Metrics* metrics = nullptr;
  const TokenAuthenticator* authenticator = nullptr;
  const Resources* resources = nullptr;
  ToolLock* lock = nullptr;  // nullptr: tools are not pinned
  std::function<bool()> draining;
  std::string version;
  std::vector<std::string> allowed_hosts;  // names beside loopback; "*": all
  DecisionsApi::Options decisions;
};

/// /healthz, /readyz, /metrics, the metadata of protected resources, and /api/v1: pack, upstreams, reload,
/// deployments, decisions, catalogue. Immutable, any thread.
class Api {
 public:
  explicit Api(ApiParts parts) : parts_(std::move(parts)) {}

  /// Answers when the path is one of ours; everything else is answered 404. Never throws.
  Task<void> handle(mcp::HttpExchange& exchange) const;

 private:
  Task<void> reload(mcp::HttpExchange& exchange) const;
  Task<void> approve(mcp::HttpExchange& exchange) const;
  /// Whether the principal may read (GET), or change things.
  [[nodiscard]] bool may(const mcp::HttpExchange& exchange) const;

  ApiParts parts_;
};

}  // namespace catalyst::server
