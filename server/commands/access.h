#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/mcp/endpoint.h"
#include "server/auth/authenticator.h"
#include "server/auth/resource.h"
#include "server/auth/upstream_credentials.h"
#include "server/config/config.h"
#include "server/gateway/tool_lock.h"
#include "server/http/tls.h"

namespace catalyst::server {

/// Who may ask, what servers are shown, and which tools are approved: all of `catalyst run` that is read
/// again when its files change, but for the policy.
struct Access {
  /// `from` must outlive it.
  explicit Access(const Config& from);

  /// Reads every file; an error names the one that is wrong.
  Result<void> load();
  /// Reads them again; what has mistakes is logged, and what was there stays.
  void reload();
  [[nodiscard]] std::vector<std::string> files() const;
  /// Guards the endpoint: scopes, tokens for servers, pins, argument checks.
  void apply(mcp::EndpointOptions& options) const;

  const Config& config;
  Resources resources;
  TokenAuthenticator authenticator;
  std::shared_ptr<TlsContext> tls;  // nullptr: plain HTTP
  std::unique_ptr<ToolLock> lock;   // nullptr: tools are not pinned
  std::map<std::string, std::shared_ptr<UpstreamCredentials>, std::less<>> upstreams;  // by server

 private:
  Task<Result<std::string>> authorization(const mcp::HttpExchange& exchange, std::string_view server) const;
};

}  // namespace catalyst::server
