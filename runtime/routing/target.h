#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/routing/words.h"

namespace catalyst::routing {

/// When a target is left out for failing calls.
struct OutlierPolicy {
  uint32_t failures = 5;      // in a row; 0: never
  int64_t eject_ms = 30'000;  // the first time; grows by as much with each further time, until the
                              // target has been well for eject_max_ms
  int64_t eject_max_ms = 300'000;
  uint32_t max_percent = 50;  // of a route's targets that may be out at a time
};

/// How many calls a target may have at a time.
struct BulkheadPolicy {
  uint32_t in_flight = 0;  // 0: any number
  uint32_t queue = 0;      // calls that may wait for one of them to end
};

/// When a target counts as failing its health check.
struct CheckPolicy {
  uint32_t failing_after = 2;  // failed checks in a row
  uint32_t passing_after = 1;  // passed ones
};

/// Whether anything can be sent to a target at all.
enum class Reach : uint8_t { Up, Starting, Down };

/// One place where calls can go, shared by all routes that lead there: how many calls it has, and what is
/// known of its health. Any thread; its lock is held for a few instructions.
class Target {
 public:
  /// `reach` is asked with each choice: any thread, must not block.
  Target(std::string name, BulkheadPolicy bulkhead, OutlierPolicy outliers, CheckPolicy checks,
         std::function<Reach()> reach);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] uint64_t hash() const { return hash_; }

  /// Whoever waits for a place; `wake` is called once the place is theirs, on the thread that gave it up,
  /// and must not block.
  struct Waiter {
    std::function<void()> wake;
  };
  enum class Admission : uint8_t { Entered, Queued, Full };
  /// Takes a place, or waits for one when `waiter` is given.
  Admission enter(const std::shared_ptr<Waiter>& waiter = nullptr);
  /// Stops waiting. False: the place has been given, and must be left.
  bool give_up(const std::shared_ptr<Waiter>& waiter);
  void leave();

  /// What a call ended with. True when it was one failure in a row too many: whoever knows the other targets
  /// says whether it is ejected.
  bool report(Outcome outcome, int64_t now_ms);
  void eject(int64_t now_ms);
  /// What a health check ended with.
  void checked(bool passed);
  /// Gets no new calls; those in flight go on.
  void drain(bool draining);
  /// Defines other tools than those that clients were shown: must get no calls.
  void set_differing(bool differing);

  /// Without what its breaker says, which is a route's own.
  [[nodiscard]] Standing standing(int64_t now_ms) const;
  [[nodiscard]] uint32_t in_flight() const;

  struct Status {
    Standing standing = Standing::Healthy;
    uint32_t in_flight = 0;
    uint32_t waiting = 0;
    uint32_t failures_in_a_row = 0;
    uint32_t times_ejected = 0;
    int64_t ejected_for_ms = 0;  // from now on; 0: is not
    bool draining = false;
  };
  [[nodiscard]] Status status(int64_t now_ms) const;

 private:
  [[nodiscard]] bool is_full() const { return bulkhead_.in_flight > 0 && in_flight_ >= bulkhead_.in_flight; }
  [[nodiscard]] Standing standing_locked(int64_t now_ms) const;

  const std::string name_;
  const uint64_t hash_;
  const BulkheadPolicy bulkhead_;
  const OutlierPolicy outliers_;
  const CheckPolicy checks_;
  const std::function<Reach()> reach_;
  mutable std::mutex mutex_;  // guards what is below
  uint32_t in_flight_ = 0;
  std::deque<std::shared_ptr<Waiter>> waiting_;
  uint32_t failures_ = 0;  // in a row
  uint32_t ejections_ = 0;
  int64_t ejected_until_ms_ = 0;
  uint32_t check_streak_ = 0;  // checks in a row that say the opposite of failing_
  bool failing_ = false;
  bool draining_ = false;
  bool differing_ = false;
};

}  // namespace catalyst::routing
