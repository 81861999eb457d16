#include "server/auth/token_cache.h"

#include <algorithm>
#include <cstring>

namespace catalyst::server {

size_t TokenCache::Hash::operator()(const Digest& digest) const {
  size_t word = 0;  // a digest is as good as any hash of it
  std::memcpy(&word, digest.data(), sizeof word);
  return word;
}

TokenCache::TokenCache(size_t capacity) : per_shard_(std::max<size_t>(1, capacity / kShards)) {}

IdentityPtr TokenCache::find(const Digest& digest, int64_t now_us) {
  Shard& at = shard(digest);
  const std::lock_guard lock(at.mutex);
  const auto found = at.index.find(digest);
  if (found == at.index.end()) {
    return nullptr;
  }
  if (found->second->identity->expires_us <= now_us) {
    at.entries.erase(found->second);
    at.index.erase(found);
    return nullptr;
  }
  at.entries.splice(at.entries.begin(), at.entries, found->second);
  return found->second->identity;
}

void TokenCache::insert(const Digest& digest, IdentityPtr identity) {
  Shard& at = shard(digest);
  const std::lock_guard lock(at.mutex);
  if (const auto found = at.index.find(digest); found != at.index.end()) {
    found->second->identity = std::move(identity);
    return;
  }
  at.entries.push_front({digest, std::move(identity)});
  at.index.emplace(digest, at.entries.begin());
  if (at.entries.size() > per_shard_) {
    at.index.erase(at.entries.back().digest);
    at.entries.pop_back();
  }
}

void TokenCache::erase(const Digest& digest) {
  Shard& at = shard(digest);
  const std::lock_guard lock(at.mutex);
  if (const auto found = at.index.find(digest); found != at.index.end()) {
    at.entries.erase(found->second);
    at.index.erase(found);
  }
}

size_t TokenCache::size() const {
  size_t out = 0;
  for (const Shard& at : shards_) {
    const std::lock_guard lock(at.mutex);
    out += at.entries.size();
  }
  return out;
}

}  // namespace catalyst::server
