// tasks/list: those that the principal has begun here, since servers list what they have for everybody.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <deque>

#include "runtime/base/clock.h"
#include "runtime/mcp/router.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

constexpr size_t kListed = 100;

/// Where tasks stand, as their servers say; lives on the executor of the request, in its frame.
struct Standings {
  explicit Standings(const Executor& executor) : timer(executor) {}

  struct One {
    TaskTable::Entry task;
    asio::cancellation_signal cancel;
    std::optional<UpstreamReply> reply;
    std::shared_ptr<const HeldResults::Held> held;
  };
  std::deque<One> all;  // signals do not move
  size_t open = 0;
  SteadyTimer timer;  // cancelled whenever one has answered
};

}  // namespace

/// A task as its server answered; nullopt when it did not.
std::optional<std::string> Router::listed_task(const RequestContext& context, const TaskTable::Entry& task,
                                               const std::optional<UpstreamReply>& reply) const {
  if (!reply || reply->is_error) {
    return std::nullopt;
  }
  if (crossing(context, task.server).server == Era::Legacy) {
    return visible_task(context, reply->payload, task.ours);
  }
  const std::optional<TaskStatus> status = old_status(reply->payload);
  return status
             ? std::optional(task_for(Era::Legacy, visible_task(context, reply->payload, task.ours), *status))
             : std::nullopt;
}

/// All servers are asked at once; what has not answered when a call would have to have is left out.
Task<Reply> Router::handle_tasks_list(RequestContext& context) {
  if (!knows_tasks(context)) {
    co_return failure(context, code::kMethodNotFound, "Method not found");
  }
  if (!any_tasks(context)) {
    co_return co_await handle_unknown(context);
  }
  take_pack(context);
  const Executor executor = co_await asio::this_coro::executor;
  Standings standings(executor);
  const std::string principal_id(context.exchange.principal().id);
  for (TaskTable::Entry& entry : tasks_.latest(principal_id, kListed)) {
    if (!context.scope.covers(entry.server)) {
      continue;
    }
    const std::optional<TaskRef> ref = open_task(context, entry.ours);
    const bool held = ref && ref->held;
    std::shared_ptr<const HeldResults::Held> answer = held ? held_.find(entry.theirs, wall_ms()) : nullptr;
    if (held && answer == nullptr) {
      tasks_.remove(principal_id, entry.server, entry.theirs);
      continue;
    }
    Standings::One& one = standings.all.emplace_back();
    one.held = std::move(answer);
    one.task = std::move(entry);
  }
  const std::string capabilities = with_tasks_taken(context.capabilities());
  const auto ask = [this, &context, &capabilities](Standings::One& one) -> Task<void> {
    if (one.held != nullptr) {
      co_return;
    }
    const uint32_t server = one.task.server;
    const std::string params = R"({"taskId":)" + value::json_string(one.task.theirs) + "}";
    UpstreamCall call;
    call.method = "tasks/get";
    call.params = params;
    call.name = one.task.theirs;
    call.capabilities = capabilities;
    call.timeout_ms = options_.call_timeout_ms;
    const std::shared_ptr<UpstreamSession> own = session_with(context, server);
    call.session = own.get();
    const Result<std::string> line =
        options_.authorize ? co_await options_.authorize(context.exchange, upstreams_[server]->name())
                           : Result<std::string>(std::string());
    if (!line) {
      co_return;
    }
    call.extra_headers = *line;
    Result<UpstreamReply> reply = co_await upstreams_[server]->call(call);
    if (reply) {
      one.reply = std::move(*reply);
    }
  };
  // Those who ask use this frame: it stays until they are done, also when it is cancelled itself.
  co_await asio::this_coro::throw_if_cancelled(false);
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  standings.open = standings.all.size();
  for (Standings::One& one : standings.all) {
    asio::co_spawn(executor, ask(one),
                   asio::bind_cancellation_slot(one.cancel.slot(), [&standings](const std::exception_ptr&) {
                     --standings.open;
                     standings.timer.cancel();
                   }));
  }
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.call_timeout_ms);
  while (standings.open > 0 && state.cancelled() == asio::cancellation_type::none &&
         std::chrono::steady_clock::now() < deadline) {
    standings.timer.expires_at(deadline);
    co_await standings.timer.async_wait(asio::as_tuple(use_awaitable));
  }
  for (Standings::One& one : standings.all) {
    one.cancel.emit(asio::cancellation_type::terminal);
  }
  while (standings.open > 0) {
    standings.timer.expires_at(SteadyTimer::time_point::max());
    co_await standings.timer.async_wait(asio::as_tuple(use_awaitable));
  }
  co_await asio::this_coro::throw_if_cancelled(true);
  std::string listed;
  for (const Standings::One& one : standings.all) {
    const std::optional<std::string> standing = one.held != nullptr
                                                    ? held_standing(*one.held, one.task.ours)
                                                    : listed_task(context, one.task, one.reply);
    if (standing) {
      listed += (listed.empty() ? "" : ",") + *standing;
    } else if (one.reply) {
      tasks_.remove(principal_id, one.task.server, one.task.theirs);  // the server has forgotten it
    }
  }
  co_return result(context, "\"tasks\":[" + listed + "]");
}

}  // namespace catalyst::mcp
