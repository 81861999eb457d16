#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/asio.h"
#include "runtime/base/result.h"
#include "runtime/decision/request.h"
#include "server/config/config.h"

namespace catalyst::server {

/// The tokens that the gateway shows to one server; never one that a client sent. From the configuration,
/// from a file, by client credentials (RFC 6749 section 4.4), or by exchange of the client's token for one of
/// the server's (RFC 8693). Fetched tokens are kept until shortly before they end; requests that need the
/// same one wait for one fetch. Any thread.
class UpstreamCredentials {
 public:
  explicit UpstreamCredentials(UpstreamAuthConfig config);
  ~UpstreamCredentials();
  UpstreamCredentials(const UpstreamCredentials&) = delete;
  UpstreamCredentials& operator=(const UpstreamCredentials&) = delete;

  /// The gateway's own token, "" when it has none. On the caller's io context.
  Task<Result<std::string>> own();
  /// The token for a principal's requests, "" when those go by the gateway's own. `subject` is the token that
  /// the client sent, "" for none.
  Task<Result<std::string>> of(const decision::Principal& principal, std::string_view subject);
  /// The server refused this token: a fetched one is not used again.
  void reject(std::string_view token);

  /// Whether `of` may answer anything.
  [[nodiscard]] bool per_principal() const;
  /// Reads the files again; an error leaves what was there.
  Result<void> reload();
  [[nodiscard]] std::vector<std::string> files() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // outlives fetches in flight
};

}  // namespace catalyst::server
