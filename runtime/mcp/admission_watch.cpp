#include "runtime/mcp/admission_watch.h"

#include <utility>

namespace catalyst::mcp {

struct AdmissionWatch::State {
  HttpExchange* exchange;  // nullptr: the handler is over
  SteadyTimer timer;
  std::chrono::milliseconds every;
  std::function<void()> end;
};

AdmissionWatch::AdmissionWatch(HttpExchange& exchange, const Executor& executor, int64_t every_ms,
                               std::function<void()> end)
    : state_(
          new State{&exchange, SteadyTimer(executor), std::chrono::milliseconds(every_ms), std::move(end)}) {
  arm(state_);
}

AdmissionWatch::~AdmissionWatch() {
  state_->exchange = nullptr;
  state_->timer.cancel();
}

void AdmissionWatch::arm(const std::shared_ptr<State>& state) {
  state->timer.expires_after(state->every);
  state->timer.async_wait([state](const boost::system::error_code&) {
    if (state->exchange == nullptr) {
      return;
    }
    if (state->exchange->still_admitted()) {
      arm(state);
    } else {
      state->end();
    }
  });
}

}  // namespace catalyst::mcp
