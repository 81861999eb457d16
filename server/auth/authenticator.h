#pragma once

#include <memory>
#include <string_view>

#include "runtime/decision/request.h"
#include "server/config/config.h"

namespace catalyst::server {

/// Knows every principal of the configuration. Immutable after construction, so any thread may ask; the
/// principals live as long as the authenticator. Clear tokens are never kept: only their SHA-256.
class TokenAuthenticator {
 public:
  explicit TokenAuthenticator(const AuthConfig& config);
  ~TokenAuthenticator();
  TokenAuthenticator(const TokenAuthenticator&) = delete;
  TokenAuthenticator& operator=(const TokenAuthenticator&) = delete;

  /// The principal of an Authorization header's text ("" when there is none); nullptr: refuse with 401. Only
  /// the scheme Bearer is known.
  [[nodiscard]] const decision::Principal* authenticate(std::string_view authorization) const;

  [[nodiscard]] const decision::Principal& anonymous() const;
  [[nodiscard]] bool has_tokens() const;
  /// True when the principal may use the admin API: it has the admin role, or no token is configured at all.
  [[nodiscard]] bool is_admin(const decision::Principal& principal) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::server
