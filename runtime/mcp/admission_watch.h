#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "runtime/mcp/exchange.h"

namespace catalyst::mcp {

/// Looks now and then whether a client that stays connected would still be let in, for as long as this lives:
/// its token may have ended, or been taken back. Lives within the handler of the exchange, on its executor.
class AdmissionWatch {
 public:
  /// `end` is called once, on the executor, and not by the handler itself.
  AdmissionWatch(HttpExchange& exchange, const Executor& executor, int64_t every_ms,
                 std::function<void()> end);
  ~AdmissionWatch();
  AdmissionWatch(const AdmissionWatch&) = delete;
  AdmissionWatch& operator=(const AdmissionWatch&) = delete;

 private:
  struct State;
  static void arm(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;
};

}  // namespace catalyst::mcp
