#include "runtime/routing/result_cache.h"

#include "runtime/routing/random.h"

namespace catalyst::routing {

ResultCache::Shard& ResultCache::shard_of(std::string_view key) { return shards_[hash_text(key) % kShards]; }

void ResultCache::Shard::erase(std::list<Entry>::iterator entry) {
  bytes -= entry->cost();
  by_key.erase(entry->key);
  entries.erase(entry);
}

ResultCache::Value ResultCache::find(std::string_view key, int64_t now_ms) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_key.find(key);
  if (found == shard.by_key.end()) {
    return nullptr;
  }
  const auto entry = found->second;
  if (now_ms >= entry->until_ms) {
    shard.erase(entry);
    return nullptr;
  }
  shard.entries.splice(shard.entries.begin(), shard.entries, entry);
  return entry->value;
}

void ResultCache::put(std::string_view key, std::string value, int64_t until_ms) {
  Entry fresh{std::string(key), std::make_shared<const std::string>(std::move(value)), until_ms};
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.by_key.find(key); found != shard.by_key.end()) {
    shard.erase(found->second);
  }
  if (fresh.cost() > shard_bytes_) {
    return;
  }
  while (shard.bytes + fresh.cost() > shard_bytes_) {
    shard.erase(std::prev(shard.entries.end()));
  }
  shard.bytes += fresh.cost();
  shard.entries.push_front(std::move(fresh));
  shard.by_key.emplace(shard.entries.front().key, shard.entries.begin());
}

void ResultCache::clear() {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    shard.by_key.clear();
    shard.entries.clear();
    shard.bytes = 0;
  }
}

size_t ResultCache::bytes() const {
  size_t out = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    out += shard.bytes;
  }
  return out;
}

size_t ResultCache::entries() const {
  size_t out = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    out += shard.entries.size();
  }
  return out;
}

}  // namespace catalyst::routing
