#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "runtime/decision/keyed_sets.h"
#include "runtime/decision/verdict.h"

namespace catalyst::decision {

class Pack;

/// One bucket of tokens: refilled at `count` per `per_us`, holding at most `burst`.
struct Bucket {
  std::string_view rule;  // its name: a reload keeps what was counted
  std::string_view key;
  int64_t count = 0;
  int64_t per_us = 0;
  int64_t burst = 0;
};

/// Where buckets are kept. Any thread; must not block.
class LimitStore {
 public:
  virtual ~LimitStore() = default;
  /// Takes a token. 0 when there was one, else the microseconds until there will be.
  virtual int64_t take(const Bucket& bucket, int64_t now_us) noexcept = 0;
  /// Puts the token back that the last successful take() of this bucket took.
  virtual void give_back(const Bucket& bucket) noexcept = 0;
};

/// Buckets in memory, of which only the time when they will be full again is kept (GCRA). Sets of eight under
/// a lock bit each, which two requests hardly ever want at once. A full set forgets the bucket nearest to
/// full: a bucket that is full is nothing that needs remembering. Keys are hashed with a secret of the
/// process, so that nobody can aim at another's bucket.
class MemoryLimitStore final : public LimitStore {
 public:
  /// Room for `buckets`, rounded up to a power of two; 24 bytes each.
  explicit MemoryLimitStore(size_t buckets);
  int64_t take(const Bucket& bucket, int64_t now_us) noexcept override;
  void give_back(const Bucket& bucket) noexcept override;

 private:
  static constexpr size_t kWays = 8;
  struct alignas(64) Set {
    std::atomic_flag lock;
    uint64_t keys[kWays] = {};  // 0: free
    int64_t full_at_us[kWays] = {};
  };
  [[nodiscard]] uint64_t hash(const Bucket& bucket) const noexcept;

  HashSecret secret_;
  size_t mask_;
  std::unique_ptr<Set[]> sets_;
};

/// The limit that a request has reached.
struct Exhausted {
  uint32_t rule = 0;
  int64_t retry_after_us = 0;
};

/// Takes a token for each limit of a verdict: all, or none and the limit that had none.
std::optional<Exhausted> take(LimitStore& store, const Pack& pack, std::span<const LimitEffect> limits,
                              int64_t now_us);

}  // namespace catalyst::decision
