#pragma once

#include <array>
#include <list>
#include <mutex>
#include <unordered_map>

#include "server/auth/identity.h"
#include "server/config/digest.h"

namespace catalyst::server {

/// Remembers whom verified tokens name, by the token's SHA-256. Bounded: the least recently used goes first.
/// Any thread; one of 16 locks is held for one lookup.
class TokenCache {
 public:
  /// Holds `capacity` identities at most.
  explicit TokenCache(size_t capacity);

  /// nullptr when unknown or expired at `now_us`.
  IdentityPtr find(const Digest& digest, int64_t now_us);
  void insert(const Digest& digest, IdentityPtr identity);
  void erase(const Digest& digest);
  [[nodiscard]] size_t size() const;

 private:
  static constexpr size_t kShards = 16;
  struct Hash {
    size_t operator()(const Digest& digest) const;
  };
  struct Entry {
    Digest digest;
    IdentityPtr identity;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> entries;  // most recently used first
    std::unordered_map<Digest, std::list<Entry>::iterator, Hash> index;
  };
  Shard& shard(const Digest& digest) { return shards_[digest[31] % kShards]; }

  const size_t per_shard_;
  std::array<Shard, kShards> shards_;
};

}  // namespace catalyst::server
