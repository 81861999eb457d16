#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace catalyst::observe {

/// Threads that write at the same time write to different shards, so that a counter costs no cache line that
/// travels.
inline constexpr size_t kShards = 8;

/// The calling thread's shard, given out round robin.
inline size_t this_shard() {
  static std::atomic<size_t> next{0};
  thread_local const size_t shard = next.fetch_add(1, std::memory_order_relaxed) % kShards;
  return shard;
}

/// A number that only grows. Any thread.
class Counter {
 public:
  void add(uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

/// A latency distribution with fixed bounds from 250 ns to 30 s. Any thread; an observation costs two
/// uncontended additions.
class Histogram {
 public:
  static constexpr std::array<uint64_t, 24> kBoundsNs = {
      250,         500,         1'000,         2'500,         5'000,          10'000,
      25'000,      50'000,      100'000,       250'000,       500'000,        1'000'000,
      2'500'000,   5'000'000,   10'000'000,    25'000'000,    50'000'000,     100'000'000,
      250'000'000, 500'000'000, 1'000'000'000, 2'500'000'000, 10'000'000'000, 30'000'000'000};

  void observe_ns(uint64_t ns) {
    size_t bucket = 0;
    while (bucket < kBoundsNs.size() && ns > kBoundsNs[bucket]) {
      ++bucket;
    }
    Shard& shard = shards_[this_shard()];
    shard.buckets[bucket].fetch_add(1, std::memory_order_relaxed);
    shard.sum_ns.fetch_add(ns, std::memory_order_relaxed);
  }

  struct Snapshot {
    std::array<uint64_t, kBoundsNs.size() + 1>
        buckets{};  // not cumulative; the last one is beyond every bound
    uint64_t count = 0;
    uint64_t sum_ns = 0;
  };
  [[nodiscard]] Snapshot snapshot() const {
    Snapshot out;
    for (const Shard& shard : shards_) {
      for (size_t i = 0; i < out.buckets.size(); ++i) {
        const uint64_t n = shard.buckets[i].load(std::memory_order_relaxed);
        out.buckets[i] += n;
        out.count += n;
      }
      out.sum_ns += shard.sum_ns.load(std::memory_order_relaxed);
    }
    return out;
  }

 private:
  struct alignas(64) Shard {
    std::array<std::atomic<uint64_t>, kBoundsNs.size() + 1> buckets{};
    std::atomic<uint64_t> sum_ns{0};
  };
  std::array<Shard, kShards> shards_{};
};

}  // namespace catalyst::observe
