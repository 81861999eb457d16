#include "runtime/decision/limits.h"

#include <algorithm>
#include <bit>
#include <random>

#include "runtime/decision/engine.h"

namespace catalyst::decision {
namespace {

/// Between two tokens.
int64_t interval(const Bucket& bucket) { return bucket.per_us / bucket.count; }

}  // namespace

MemoryLimitStore::MemoryLimitStore(size_t buckets)
    : mask_(std::bit_ceil(std::max<size_t>(buckets / kWays, 1)) - 1),
      sets_(std::make_unique<Set[]>(mask_ + 1)) {
  std::random_device random;
  for (uint64_t& part : secret_.parts) {
    part = static_cast<uint64_t>(random()) << 32 | random();
  }
}

uint64_t MemoryLimitStore::hash(const Bucket& bucket) const noexcept {
  return keyed_hash(secret_, bucket.rule, bucket.key);
}

int64_t MemoryLimitStore::take(const Bucket& bucket, int64_t now_us) noexcept {
  const uint64_t key = hash(bucket);
  Set& set = sets_[key & mask_];
  const int64_t step = interval(bucket);
  const int64_t most = step * (bucket.burst - 1);  // a bucket so far from full has its last token
  const Locked locked(set.lock);
  size_t place = kWays;
  size_t spare = 0;
  for (size_t i = 0; i < kWays; ++i) {
    if (set.keys[i] == key) {
      place = i;
      break;
    }
    spare = set.full_at_us[i] < set.full_at_us[spare] ? i : spare;
  }
  if (place == kWays) {
    place = spare;
    set.keys[place] = key;
    set.full_at_us[place] = now_us;
  }
  const int64_t full_at = std::max(set.full_at_us[place], now_us);
  if (full_at - now_us > most) {
    return full_at - now_us - most;
  }
  set.full_at_us[place] = full_at + step;
  return 0;
}

void MemoryLimitStore::give_back(const Bucket& bucket) noexcept {
  const uint64_t key = hash(bucket);
  Set& set = sets_[key & mask_];
  const Locked locked(set.lock);
  for (size_t i = 0; i < kWays; ++i) {
    if (set.keys[i] == key) {
      set.full_at_us[i] -= interval(bucket);
    }
  }
}

std::optional<Exhausted> take(LimitStore& store, const Pack& pack, std::span<const LimitEffect> limits,
                              int64_t now_us) {
  const auto bucket = [&](const LimitEffect& limit) {
    return Bucket{pack.rule_name(limit.rule), limit.key, limit.count, limit.per_us, limit.burst};
  };
  for (size_t i = 0; i < limits.size(); ++i) {
    if (const int64_t wait = store.take(bucket(limits[i]), now_us); wait > 0) {
      for (size_t taken = 0; taken < i; ++taken) {
        store.give_back(bucket(limits[taken]));
      }
      return Exhausted{limits[i].rule, wait};
    }
  }
  return std::nullopt;
}

}  // namespace catalyst::decision
