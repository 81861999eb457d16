// The tasks that a subscriptions/listen stream tells of: looked at as their client would, by the same
// requests under the same rules and credentials, since no server is obliged to say anything of its own
// accord.

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "runtime/base/clock.h"
#include "runtime/mcp/router.h"
#include "runtime/mcp/task_forms.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

using Kind = MemberEdit::Kind;

constexpr size_t kJsonPadding = 64;  // what the reader of messages may look at behind them

struct Watched {
  std::string id;  // ours
  std::string last;
  int64_t next_ms = 0;
  bool over = false;
};

}  // namespace

/// Until all are over, or the caller is cancelled.
Task<void> Router::watch_tasks(const RequestContext& listening, std::shared_ptr<Listener> listener) {
  std::vector<Watched> tasks;
  for (const std::string& id : listener->tasks) {
    tasks.emplace_back().id = id;
  }
  SteadyTimer timer(co_await asio::this_coro::executor);
  for (;;) {
    int64_t next_ms = INT64_MAX;
    for (Watched& task : tasks) {
      if (!task.over && steady_ms() >= task.next_ms) {
        std::string state = co_await look_at_task(listening, task.id, task.over);
        task.next_ms = steady_ms() + poll_pause_ms(state);
        if (!state.empty() && state != task.last) {
          const std::optional<TaskStatus> status = task_status(state);
          task.over = status && is_over(*status);
          task.last = std::move(state);
          listener->queue.push(tagged_notification("notifications/tasks", task.last, listener->id_json));
        }
      }
      next_ms = task.over ? next_ms : std::min(next_ms, task.next_ms);
    }
    if (next_ms == INT64_MAX) {
      co_return;
    }
    timer.expires_at(SteadyTimer::time_point(std::chrono::milliseconds(next_ms)));
    co_await timer.async_wait(use_awaitable);
  }
}

/// What tasks/get says now, without what belongs to an answer; "" for an error. `gone`: there is no such
/// task.
Task<std::string> Router::look_at_task(const RequestContext& listening, std::string_view id, bool& gone) {
  const int64_t start = steady_ns();
  std::string text = R"({"jsonrpc":"2.0","id":)" + std::string(listening.envelope.id_json) +
                     R"(,"method":"tasks/get","params":{"taskId":)" + value::json_string(id) +
                     R"(,"_meta":)" + std::string(listening.envelope.meta.json) + "}}";
  text.reserve(text.size() + kJsonPadding);
  Envelope envelope;
  if (parse_envelope(text, options_.envelope, envelope)) {
    co_return std::string();
  }
  RequestContext context(listening.exchange, envelope, listening.executor);
  context.scope = listening.scope;
  context.era = listening.era;
  context.traceparent = listening.traceparent;
  context.tracestate = listening.tracestate;
  context.record.start_us = wall_us();
  const Reply reply = co_await request(context);
  on_answer_(context, reply, start);
  gone = reply.error_code == code::kInvalidParams;
  const std::string_view state = find_member(reply.message, "result");
  const MemberEdit edits[] = {{Kind::Remove, "resultType", {}}, {Kind::Remove, "_meta", {}}};
  co_return state.empty() ? std::string() : edit_object(state, edits);
}

}  // namespace catalyst::mcp
