#include "server/auth/token_memo.h"

#include <utility>

namespace catalyst::server {

IdentityPtr TokenMemo::find(const KeyedHash::Value& token, uint64_t generation) {
  if (generation_ != generation) {
    places_.clear();
    generation_ = generation;
  }
  if (places_.empty()) {
    return nullptr;
  }
  const Place& place = places_[token[0] % kPlaces];
  // Both halves, whatever the first one says: how long it takes tells nothing.
  const bool same = ((place.token[0] ^ token[0]) | (place.token[1] ^ token[1])) == 0;
  return same ? place.identity : nullptr;
}

void TokenMemo::insert(const KeyedHash::Value& token, IdentityPtr identity) {
  places_.resize(kPlaces);
  // Threads that serve the same token would otherwise fight for one reference count with every request.
  const auto own = std::make_shared<const IdentityPtr>(std::move(identity));
  places_[token[0] % kPlaces] = {token, IdentityPtr(own, own->get())};
}

}  // namespace catalyst::server
