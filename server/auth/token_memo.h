#pragma once

#include <vector>

#include "server/auth/identity.h"
#include "server/auth/keyed_hash.h"

namespace catalyst::server {

/// Whom the tokens name that one thread saw last, so that they are looked up once and not with each request
/// (docs/decisions/0047). Knows tokens by their keyed hashes alone. Of two tokens that fall on one place the
/// later is known. Not thread-safe.
class TokenMemo {
 public:
  static constexpr size_t kPlaces = 1024;

  /// nullptr when unknown. Nothing of another generation is known any more.
  [[nodiscard]] IdentityPtr find(const KeyedHash::Value& token, uint64_t generation);
  /// Of the generation last asked for.
  void insert(const KeyedHash::Value& token, IdentityPtr identity);

 private:
  struct Place {
    KeyedHash::Value token{};
    IdentityPtr identity;
  };
  std::vector<Place> places_;
  uint64_t generation_ = 0;
};

}  // namespace catalyst::server
