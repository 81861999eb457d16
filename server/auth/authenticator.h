#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/decision/request.h"
#include "server/auth/admission.h"
#include "server/auth/resource.h"
#include "server/config/config.h"

namespace catalyst::server {

/// Tells who sends a request: by token (configuration or keys file), by JWT of a known issuer, by client
/// certificate, or as the anonymous principal. A principal is built once per token and shared by its
/// requests. Clear tokens are never kept: only their SHA-256 and, by the thread that saw them, a keyed hash
/// (docs/decisions/0047). Any thread.
class TokenAuthenticator final : public Authenticator {
 public:
  struct Options {
    size_t token_bytes = 8 * 1024;
    size_t principals = 10'000;  // verified JWTs that are remembered
  };
  /// `resources` says what the endpoints are called and which scopes they need; it must outlive the
  /// authenticator.
  TokenAuthenticator(const AuthConfig& config, const Resources& resources, Options options);
  ~TokenAuthenticator() override;

  /// Reads the keys file; an error when it has mistakes. Before anything is admitted.
  Result<void> load();
  /// Begins to fetch issuers' keys on `home`, one of the io contexts.
  void start(const Executor& home);
  void stop();
  /// Lets go of what stands on the io contexts, before they are destroyed; they no longer run.
  void release();
  /// Reads the keys file and issuers' key files again. What has mistakes is logged, and what was there stays.
  void reload();
  /// Files that `reload` reads.
  [[nodiscard]] std::vector<std::string> files() const;

  [[nodiscard]] Admission admit(const Credentials& credentials) override;
  Task<Admission> admit_later(Credentials credentials) override;

  /// Whether anything but the anonymous principal is known.
  [[nodiscard]] bool configured() const;
  /// True when the principal may change things under /api: it has the admin role, or nothing is configured at
  /// all.
  [[nodiscard]] bool is_admin(const decision::Principal& principal) const;
  /// The same for reading: admins, and those with the viewer role.
  [[nodiscard]] bool is_viewer(const decision::Principal& principal) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::server
