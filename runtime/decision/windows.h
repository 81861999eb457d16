#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/unit.h"
#include "runtime/decision/keyed_sets.h"
#include "runtime/decision/verdict.h"
#include "runtime/value/value.h"

namespace catalyst::decision {

class Pack;

/// Where what windows count is kept. Any thread; must not block. Windows of one name share their counters.
class WindowStore {
 public:
  virtual ~WindowStore() = default;
  /// The window's value for a key: Int or Decimal, Invalid when it is beyond what is kept.
  [[nodiscard]] virtual value::Value read(const abi::WindowInfo& window, std::string_view key,
                                          int64_t now_us) const noexcept = 0;
  virtual void add(const abi::WindowInfo& window, std::string_view key, const value::Value& amount,
                   int64_t now_us) noexcept = 0;
};

/// Adds what a verdict says to the windows of its pack.
void count(WindowStore& store, const Pack& pack, std::span<const WindowEvent> events, int64_t now_us);

/// One counter as it is kept outside the process.
struct WindowRow {
  uint64_t id = 0;         // hash of window and key under the secret
  int64_t expires_us = 0;  // nothing of it counts any more
  std::string bytes;
};

/// What one window has counted for one key: time is cut into buckets of a sixtieth of the window, of which
/// the last 61 count. So nothing of the window is missed, and at most a sixtieth of it more is counted.
/// Memory does not depend on how much happens: 60 numbers, and for `distinct` up to kDistinctMax hashes.
class WindowCounter {
 public:
  static constexpr int64_t kBuckets = 60;
  static constexpr uint32_t kDistinctMax = 1024;

  WindowCounter(abi::WindowKind kind, int64_t within_us);

  /// `amount`: of Sum a decimal; of Distinct `text_hash` stands for the text.
  void add(const value::Value& amount, uint64_t text_hash, int64_t now_us);
  /// Invalid: a sum that has no decimal, or more different texts than are told apart.
  [[nodiscard]] value::Value read(int64_t now_us) const;
  [[nodiscard]] int64_t last_us() const { return last_ * width_us_; }
  [[nodiscard]] int64_t expires_us() const { return (last_ + kBuckets + 1) * width_us_; }
  /// It counts what `window` counts.
  [[nodiscard]] bool is_of(const abi::WindowInfo& window) const;

  [[nodiscard]] std::string save() const;
  /// Nothing when the bytes are no counter.
  static std::optional<WindowCounter> load(std::string_view bytes);

 private:
  static constexpr int64_t kRing = 64;  // at least kBuckets + 1, a power of two
  struct Seen {
    uint64_t text = 0;
    int64_t bucket = 0;
  };

  static constexpr int64_t kNever = INT64_MIN / 4;  // far from all times, with room to count from

  static size_t place(int64_t bucket) { return static_cast<size_t>(bucket & (kRing - 1)); }
  [[nodiscard]] int64_t bucket_of(int64_t now_us) const {
    return now_us / width_us_ - (now_us % width_us_ < 0 ? 1 : 0);
  }
  void advance(int64_t bucket);
  void see(uint64_t text);

  abi::WindowKind kind_;
  int64_t width_us_;
  int64_t last_ = kNever;           // bucket of the newest event
  int64_t lost_ = kNever;           // bucket of the newest event that found no room
  std::vector<uint32_t> counts_;    // Count: a ring by bucket
  std::vector<value::Value> sums_;  // Sum: a ring by bucket
  std::vector<Seen> seen_;          // Distinct: when each text was last seen
};

/// Counters in memory: sets of eight under a lock bit each. A full set forgets the counter that has been
/// quiet for longest.
class MemoryWindowStore final : public WindowStore {
 public:
  /// Room for `counters`, rounded up to a power of two.
  MemoryWindowStore(size_t counters, const HashSecret& secret);
  ~MemoryWindowStore() override;
  [[nodiscard]] value::Value read(const abi::WindowInfo& window, std::string_view key,
                                  int64_t now_us) const noexcept override;
  void add(const abi::WindowInfo& window, std::string_view key, const value::Value& amount,
           int64_t now_us) noexcept override;

  /// Counters that changed since they were last taken, at most `most`; empty when there are none.
  std::vector<WindowRow> take_changed(size_t most);
  /// Rows that were taken and could not be kept: they will be taken again.
  void take_again(std::span<const WindowRow> rows);
  /// Puts a counter back; false when its bytes are no counter.
  bool restore(const WindowRow& row);
  /// Counters that were forgotten although they still counted.
  [[nodiscard]] uint64_t forgotten() const { return forgotten_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kWays = 8;
  struct Set;

  const HashSecret secret_;
  size_t mask_;
  std::unique_ptr<Set[]> sets_;
  std::atomic<uint64_t> forgotten_{0};
  size_t next_set_ = 0;  // of take_changed, which one thread calls
};

}  // namespace catalyst::decision
