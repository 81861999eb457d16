// A second attempt beside one that takes long: the first answer counts, the other attempt is cancelled.

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include "runtime/base/clock.h"
#include "runtime/mcp/route_run.h"

namespace catalyst::mcp {

using routing::Outcome;
using routing::Pick;

/// Lives on the executor of the call.
struct RouteRunner::Race {
  explicit Race(const Executor& executor) : timer(executor) {}

  struct Runner {
    asio::cancellation_signal cancel;
    std::optional<Reply> reply;
    Outcome outcome = Outcome::Cancelled;
    bool running = false;

    [[nodiscard]] bool answered() const {
      return !running && reply && (outcome == Outcome::Ok || outcome == Outcome::Error);
    }
  };
  SteadyTimer timer;  // cancelled whenever a runner is done
  std::array<Runner, 2> runners;

  [[nodiscard]] bool over() const {
    return runners[0].answered() || runners[1].answered() || !anybody_runs();
  }
  [[nodiscard]] bool anybody_runs() const { return runners[0].running || runners[1].running; }

  Task<void> wait(int64_t ms) {
    timer.expires_after(std::chrono::milliseconds(ms));
    co_await timer.async_wait(asio::as_tuple(use_awaitable));
  }
};

Task<void> RouteRunner::race(std::shared_ptr<Race> race, Run& run, size_t runner, Pick pick,
                             int64_t timeout_ms) {
  Race::Runner& mine = race->runners[runner];
  mine.reply.emplace(co_await attempt(run, std::move(pick), timeout_ms, runner == 1, mine.outcome));
}

Task<Result<UpstreamReply>> RouteRunner::hedged(Run& run, Pick first, int64_t timeout_ms, Outcome& outcome) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto both = std::make_shared<Race>(executor);
  // Both use this frame: it stays until they are done, also when it is cancelled itself.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto begin = [&](size_t runner, Pick pick, int64_t limit_ms) {
    both->runners[runner].running = true;
    asio::co_spawn(executor, race(both, run, runner, std::move(pick), limit_ms),
                   asio::bind_cancellation_slot(both->runners[runner].cancel.slot(),
                                                [both, runner](const std::exception_ptr&) {
                                                  both->runners[runner].running = false;
                                                  both->timer.cancel();
                                                }));
  };
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  const auto cancelled = [&] { return state.cancelled() != asio::cancellation_type::none; };

  begin(0, std::move(first), timeout_ms);
  const int64_t hedge_at_ms = steady_ms() + *rule_.route.hedge_after_ms;
  while (!both->over() && !cancelled() && steady_ms() < hedge_at_ms) {
    co_await both->wait(hedge_at_ms - steady_ms());
  }
  if (!both->over() && !cancelled()) {
    std::optional<Pick> second = pick(run);
    if (second && group_.may_retry(steady_ms())) {
      run.tried.push_back(second->target.get());
      group_.hedges.fetch_add(1, std::memory_order_relaxed);
      begin(1, std::move(*second), attempt_timeout_ms(run));
    } else if (second) {
      run.trace->budget_denied = true;
      group_.end(*second, Outcome::Cancelled, steady_ms());
    }
  }
  while (!both->over() && !cancelled()) {
    co_await both->wait(INT32_MAX);
  }
  for (Race::Runner& runner : both->runners) {
    if (runner.running) {
      runner.cancel.emit(asio::cancellation_type::terminal);
    }
  }
  while (both->anybody_runs()) {
    SteadyTimer timer(executor, std::chrono::milliseconds(1));
    co_await timer.async_wait(asio::as_tuple(use_awaitable));
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
  Race::Runner& second = both->runners[1];
  const bool second_won = second.answered() && !both->runners[0].answered();
  if (second_won) {
    group_.hedges_won.fetch_add(1, std::memory_order_relaxed);
  }
  Race::Runner& winner = second_won || !both->runners[0].reply ? second : both->runners[0];
  if (!winner.reply) {
    outcome = Outcome::Cancelled;
    co_return error(asio::error::operation_aborted, "the call was cancelled");
  }
  outcome = winner.outcome;
  co_return std::move(*winner.reply);
}

}  // namespace catalyst::mcp
