#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/route.h"
#include "runtime/routing/breaker.h"
#include "runtime/routing/random.h"
#include "runtime/routing/retry.h"
#include "runtime/routing/target.h"

namespace catalyst::routing {

/// One target of a route.
struct Member {
  std::shared_ptr<Target> target;
  uint32_t weight = 1;  // 0: only by `prefer` and as fallback
};

struct GroupOptions {
  abi::Balance balance = abi::Balance::Weighted;
  abi::BreakerPolicy breaker;  // failures 0: none
  BudgetPolicy budget;
  uint32_t eject_max_percent = 50;  // of the targets
  uint64_t seed = 0;
};

/// What is known of a call when a target is chosen for it.
struct Choice {
  std::string_view pinned;               // the target where its conversation began; "" when it begins now
  std::string_view preferred;            // "" when none
  std::optional<uint64_t> key;           // for Balance::Hash; without one the weights decide
  std::span<const Target* const> tried;  // that have failed this call
};

/// A call's place at a target. Give it back with Group::end.
struct Pick {
  std::shared_ptr<Target> target;
  Reason reason = Reason::Only;
  bool probe = false;  // of a half-open breaker
};

struct MemberStatus {
  std::string name;
  uint32_t weight = 0;
  BreakerState breaker = BreakerState::Closed;
  Target::Status target;
  std::array<uint64_t, kOutcomeCount> outcomes{};
};

/// The targets of one route and the choice between them. Any thread; one lock, held while a choice is made.
/// Times are milliseconds of one clock.
class Group {
 public:
  explicit Group(GroupOptions options);

  /// Replaces the targets; one that stays keeps its breaker and its counts.
  void set_members(const std::vector<Member>& members);

  /// A call came in: what the budget is a share of.
  void asked(int64_t now_ms);
  /// Where to send it; nullopt when nowhere, see `why_none`. The call then needs a place there
  /// (Target::enter), and ends with `end` whatever becomes of it.
  std::optional<Pick> pick(const Choice& choice, int64_t now_ms);
  /// What became of a call that was picked for.
  void end(const Pick& pick, Outcome outcome, int64_t now_ms);
  /// Whether one more attempt is within the budget.
  bool may_retry(int64_t now_ms);
  /// As pause_ms, with the group's own randomness.
  int64_t pause_ms(const abi::RetryPolicy& policy, uint32_t attempt);
  bool chance_ppm(uint32_t ppm);

  /// "a: open, b: down".
  [[nodiscard]] std::string why_none(int64_t now_ms) const;
  [[nodiscard]] std::vector<MemberStatus> status(int64_t now_ms) const;
  [[nodiscard]] BreakerState breaker_of(const Target& target, int64_t now_ms) const;

  // Counted by whoever sends; read for metrics.
  std::atomic<uint64_t> calls = 0;
  std::atomic<uint64_t> retries = 0;
  std::atomic<uint64_t> retries_denied = 0;  // by the budget
  std::atomic<uint64_t> hedges = 0;
  std::atomic<uint64_t> hedges_won = 0;
  std::atomic<uint64_t> cache_hits = 0;
  std::atomic<uint64_t> cache_misses = 0;
  std::atomic<uint64_t> coalesced = 0;
  std::atomic<uint64_t> shadows_same = 0;
  std::atomic<uint64_t> shadows_different = 0;
  std::atomic<uint64_t> shadows_failed = 0;

 private:
  struct Slot {
    Member member;
    Breaker breaker;
    int64_t current = 0;  // of smooth weighted round robin
    std::array<uint64_t, kOutcomeCount> outcomes{};
  };

  [[nodiscard]] Standing standing_of(const Slot& slot, int64_t now_ms) const;
  [[nodiscard]] Slot* find(std::string_view name);
  [[nodiscard]] const Slot* find(const Target& target) const;
  std::optional<Pick> take(Slot& slot, Reason reason, int64_t now_ms);
  Slot& balanced(std::span<Slot* const> among, const Choice& choice, Reason& reason);
  void consider_ejecting(const Target& failed, int64_t now_ms);

  const GroupOptions options_;
  mutable std::mutex mutex_;  // guards what is below
  std::vector<Slot> slots_;
  RetryBudget budget_;
  Random random_;
};

}  // namespace catalyst::routing
