#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "runtime/abi/route.h"
#include "runtime/routing/random.h"
#include "runtime/routing/words.h"

namespace catalyst::routing {

/// How much of the traffic may be second attempts.
struct BudgetPolicy {
  uint32_t percent = 20;        // of the calls of the last ten seconds
  uint32_t min_per_second = 3;  // so that a route with little traffic can retry at all
};

/// Second attempts as a share of traffic, so that a struggling target is not asked twice as often for it.
/// Guarded by its owner. All times are milliseconds of one clock.
class RetryBudget {
 public:
  explicit RetryBudget(BudgetPolicy policy) : policy_(policy) {}

  /// A call came in.
  void asked(int64_t now_ms);
  /// Takes one second attempt out of the budget; false when there is none left.
  bool take(int64_t now_ms);

 private:
  static constexpr size_t kSlots = 10;  // of a second each
  struct Slot {
    int64_t second = -1;
    uint64_t calls = 0;
    uint64_t retries = 0;
  };
  Slot& slot_of(int64_t now_ms);

  BudgetPolicy policy_;
  std::array<Slot, kSlots> slots_;
};

/// The pause before attempt `attempt` (1: the second one): anything from 0 to the step, which doubles from
/// the least to the most that the policy says. Full jitter spreads those who failed together.
int64_t pause_ms(const abi::RetryPolicy& policy, uint32_t attempt, Random& random);

/// Whether the policy tries again after that. What was never sent needs no policy.
bool retries_on(const abi::RetryPolicy& policy, Outcome outcome);

}  // namespace catalyst::routing
