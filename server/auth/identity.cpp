#include "server/auth/identity.h"

#include <atomic>

namespace catalyst::server {

Identity::Identity(PrincipalConfig from)
    : config(std::move(from)),
      roles(config.roles.begin(), config.roles.end()),
      scopes(config.scopes.begin(), config.scopes.end()) {
  static std::atomic<uint64_t> next_key{1};
  principal.id = config.id;
  principal.tenant = config.tenant;
  principal.roles = roles;
  principal.scopes = scopes;
  principal.mfa = config.mfa;
  principal.risk = config.risk;
  principal.claims = config.claims;
  principal.cache_key = next_key.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace catalyst::server
