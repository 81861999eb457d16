#include "runtime/routing/retry.h"

#include <algorithm>

namespace catalyst::routing {

RetryBudget::Slot& RetryBudget::slot_of(int64_t now_ms) {
  const int64_t second = now_ms / 1000;
  Slot& slot = slots_[static_cast<size_t>(second) % kSlots];
  if (slot.second != second) {
    slot = {second, 0, 0};
  }
  return slot;
}

void RetryBudget::asked(int64_t now_ms) { ++slot_of(now_ms).calls; }

bool RetryBudget::take(int64_t now_ms) {
  Slot& slot = slot_of(now_ms);
  uint64_t calls = 0;
  uint64_t retries = 0;
  for (const Slot& s : slots_) {
    if (s.second > now_ms / 1000 - static_cast<int64_t>(kSlots)) {
      calls += s.calls;
      retries += s.retries;
    }
  }
  if (retries * 100 >= calls * policy_.percent + uint64_t{policy_.min_per_second} * kSlots * 100) {
    return false;
  }
  ++slot.retries;
  return true;
}

int64_t pause_ms(const abi::RetryPolicy& policy, uint32_t attempt, Random& random) {
  const uint64_t first = policy.backoff_min_ms;
  const uint64_t most = std::max<uint64_t>(policy.backoff_max_ms, first);
  const uint64_t step = std::min(most, first << std::min<uint32_t>(attempt - 1, 30));
  return static_cast<int64_t>(random.below(step + 1));
}

bool retries_on(const abi::RetryPolicy& policy, Outcome outcome) {
  const auto has = [&](abi::RetryOn on) { return (policy.on & static_cast<uint8_t>(on)) != 0; };
  switch (outcome) {
    case Outcome::Timeout:
      return has(abi::RetryOn::Timeout);
    case Outcome::Unavailable:
      return has(abi::RetryOn::Unavailable);
    case Outcome::Error:
      return has(abi::RetryOn::Error);
    case Outcome::Ok:
    case Outcome::Refused:
    case Outcome::Full:
    case Outcome::Cancelled:
      return false;
  }
  return false;
}

}  // namespace catalyst::routing
