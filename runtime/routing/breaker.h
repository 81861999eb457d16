#pragma once

#include <cstdint>
#include <deque>

#include "runtime/abi/route.h"
#include "runtime/routing/words.h"

namespace catalyst::routing {

/// A circuit breaker: after so many failures within a window nothing is sent for a while, then one call at a
/// time tries whether it is worth it again. Guarded by its owner. All times are milliseconds of one clock.
class Breaker {
 public:
  /// A policy without failures never opens.
  explicit Breaker(const abi::BreakerPolicy& policy) : policy_(policy) {}

  /// Whether a call may be sent: closed, or half open and nobody is trying.
  [[nodiscard]] bool allows(int64_t now_ms) const;
  /// A call is being sent. True when it is the one that tries a half-open breaker.
  bool begin(int64_t now_ms);
  /// `probe` as begin answered.
  void succeeded(bool probe);
  void failed(bool probe, int64_t now_ms);
  /// The call ended without saying anything of the target.
  void abandoned(bool probe);

  [[nodiscard]] BreakerState state(int64_t now_ms) const;

 private:
  void open(int64_t now_ms);

  abi::BreakerPolicy policy_;
  std::deque<int64_t> failures_;  // at most policy_.failures
  bool open_ = false;
  bool probing_ = false;
  int64_t until_ms_ = 0;
};

}  // namespace catalyst::routing
