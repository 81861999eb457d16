#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/asio.h"
#include "runtime/decision/request.h"
#include "runtime/mcp/exchange.h"

namespace catalyst::server {

/// A client certificate whose chain the TLS layer has verified.
struct PeerCertificate {
  /// "DNS:...", "URI:...", "email:..." of the SAN in order, then the subject as RFC 2253 text. Never holds
  /// NUL or control bytes.
  std::vector<std::string> names;
  /// Whom it names, once that was asked: a certificate belongs to one connection.
  mutable std::shared_ptr<const decision::Principal> principal;
};

/// What a request brings to say who sends it. Views must outlive the authentication.
struct Credentials {
  const mcp::HttpExchange& exchange;
  const PeerCertificate* certificate = nullptr;  // nullptr: none was shown
};

/// Whether a request may go on, and as whom.
struct Admission {
  std::shared_ptr<const decision::Principal> principal;  // nullptr: refused, or not known yet
  bool wait = false;      // not known yet: keys must be fetched, see Authenticator::admit_later
  int status = 401;       // of the refusal: 400, 401 or 403
  std::string challenge;  // WWW-Authenticate; "" when asking again with other credentials is no use
  std::string body;       // JSON
};

/// Whether rules could tell the two apart.
inline bool is_same(const decision::Principal& a, const decision::Principal& b) {
  const auto equal = [](std::span<const std::string_view> x, std::span<const std::string_view> y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end());
  };
  return a.id == b.id && a.tenant == b.tenant && equal(a.roles, b.roles) && equal(a.scopes, b.scopes) &&
         a.risk == b.risk && a.mfa == b.mfa && a.claims == b.claims;
}

/// Decides who sends a request. Called on every io thread at once.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// Answers at once, without waiting for anything.
  [[nodiscard]] virtual Admission admit(const Credentials& credentials) = 0;
  /// What `admit` left open; never answers `wait`. Takes a few seconds at most.
  virtual Task<Admission> admit_later(Credentials credentials) = 0;
};

}  // namespace catalyst::server
