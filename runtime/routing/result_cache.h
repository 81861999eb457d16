#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace catalyst::routing {

/// Results by the text of everything they depend on. Bounded in bytes: the longest unused go first. Any
/// thread; in shards with a lock each, held for a look-up.
class ResultCache {
 public:
  using Value = std::shared_ptr<const std::string>;

  /// `bytes` of keys and values with what keeping them costs; 0: keeps nothing.
  explicit ResultCache(size_t bytes) : shard_bytes_(bytes / kShards) {}

  /// nullptr when there is none, or it is too old.
  [[nodiscard]] Value find(std::string_view key, int64_t now_ms);
  /// Kept until then, unless it is larger than a shard.
  void put(std::string_view key, std::string value, int64_t until_ms);
  void clear();

  [[nodiscard]] size_t bytes() const;
  [[nodiscard]] size_t entries() const;

 private:
  static constexpr size_t kShards = 16;
  static constexpr size_t kOverhead = 192;  // list node, map node, shared value: measured, rounded up
  struct Entry {
    std::string key;
    Value value;
    int64_t until_ms = 0;
    [[nodiscard]] size_t cost() const { return key.size() + value->size() + kOverhead; }
  };
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> entries;                                                 // last used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key;  // views into entries
    size_t bytes = 0;
    void erase(std::list<Entry>::iterator entry);
  };
  Shard& shard_of(std::string_view key);

  const size_t shard_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace catalyst::routing
