// Tasks between the generations. A client of the new one polls: results, errors and questions of an old
// server become part of the task's state, for which `tasks/result` is left open at the server while it asks.
// A client of the old one waits at `tasks/result`: the gateway polls a new server for it, and asks on that
// stream.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <set>
#include <utility>

#include "runtime/base/clock.h"
#include "runtime/mcp/call_entry.h"
#include "runtime/mcp/router.h"
#include "runtime/mcp/task_forms.h"

namespace catalyst::mcp {
namespace {

using Kind = MemberEdit::Kind;

constexpr auto kQuestionsWithin = std::chrono::seconds(2);  // of an old server that says it has some
constexpr auto kLookPause = std::chrono::milliseconds(10);
constexpr auto kCancelledWithin = std::chrono::seconds(2);  // a new server only promises to try
constexpr auto kCancelPause = std::chrono::milliseconds(100);
constexpr int64_t kHeldTtlMs = 10 * 60 * 1000;  // unless the client asks for another time
constexpr int64_t kHeldTtlMaxMs = 60 * 60 * 1000;

Task<void> pause(std::chrono::milliseconds time) {
  SteadyTimer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::as_tuple(use_awaitable));
}

UpstreamReply reply_of(std::string text) {
  UpstreamReply reply;
  reply.body = std::move(text);
  reply.payload = reply.body;
  return reply;
}

bool failed(std::string_view result_json) { return find_member(result_json, "isError") == "true"; }

std::string held_state(const HeldResults::Held& held, TaskStatus status) {
  const std::string made = task_time(held.made_ms);
  return R"({"status":")" + std::string(text_of(status)) + R"(","createdAt":")" + made +
         R"(","lastUpdatedAt":")" + made + R"(","ttl":)" + std::to_string(held.ttl_ms) +
         R"(,"pollInterval":100})";
}

}  // namespace

int64_t poll_pause_ms(std::string_view task_json) {
  constexpr int64_t kUsual = 1000;
  constexpr int64_t kLeast = 100;
  constexpr int64_t kMost = 5000;
  std::string_view text = find_member(task_json, "pollIntervalMs");
  text = text.empty() ? find_member(task_json, "pollInterval") : text;
  const int64_t asked = text.empty() ? kUsual : std::strtoll(std::string(text).c_str(), nullptr, 10);
  return std::clamp(asked, kLeast, kMost);
}

void Router::offer_tasks(RequestContext& context) {
  context.offered_capabilities = with_tasks_taken(context.capabilities());
}

Reply Router::task_standing(RequestContext& context, std::string_view task_json, TaskStatus status,
                            std::optional<MemberEdit> more) const {
  std::string text = task_for(context.era, visible_task(context, task_json, context.task.ours), status);
  if (context.era == Era::Modern) {
    const MemberEdit kind = {Kind::Default, "resultType", "\"complete\""};
    text = edit_object(text, {&kind, 1});
  }
  if (more) {
    text = edit_object(text, {&*more, 1});
  }
  return answer(context, context.task.server, reply_of(std::move(text)));
}

/// A client of the new generation, a server of the old one.
Task<Reply> Router::task_of_old_server(RequestContext& context) {
  const uint32_t server = context.task.server;
  const std::string params = with_task_id("{}", context.task.id);
  if (context.envelope.method == "tasks/update") {
    co_return co_await update_old_task(context, params);
  }
  if (context.envelope.method == "tasks/cancel") {
    co_return co_await cancel_at_old_server(context, params);
  }
  Sent now = co_await send(context, server, params, context.task.id, "tasks/get");
  if (!now.upstream) {
    co_return std::move(now.reply);
  }
  if (now.upstream->is_error) {
    co_return answer(context, server, *now.upstream);
  }
  const std::string task(now.upstream->payload);
  const std::optional<TaskStatus> status = task_status(task);
  if (!status) {
    co_return unavailable(context, server, "a task without a status");
  }
  if (*status == TaskStatus::Working || *status == TaskStatus::Cancelled) {
    co_return task_standing(context, task, *status);
  }
  Sent end = co_await send(context, server, params, context.task.id, "tasks/result");
  if (end.upstream) {
    co_return end_of_old_task(context, task, *end.upstream);
  }
  if (end.reply.abandoned || !end.reply.message.empty()) {
    co_return std::move(end.reply);
  }
  co_return questions_of_old_task(context, task);
}

/// What answers no open question is ignored, as the extension wants it; but not what answers another
/// engine's, where the client would wait for ever.
Task<Reply> Router::update_old_task(RequestContext& context, std::string_view params) {
  const uint32_t server = context.task.server;
  const std::string_view responses = find_member(context.envelope.params_json, "inputResponses");
  if (!responses.starts_with('{')) {
    co_return failure(context, code::kInvalidParams, "Invalid params: inputResponses must be an object");
  }
  if (answers_elsewhere(responses)) {
    co_return failure(context, code::kInternalError,
                      "Another engine has asked this, or this one before a restart: get the task again",
                      R"({"reason":"unknown_question"})");
  }
  if (const std::shared_ptr<ParkedCall> waiting = task_calls_.find(context.task.ours)) {
    waiting->answer(responses, [&](const Question& question, std::string answer) {
      return permitted_answer(context, server, question, std::move(answer));
    });
    co_return result(context, {});
  }
  Sent now = co_await send(context, server, params, context.task.id, "tasks/get");
  if (!now.upstream) {
    co_return std::move(now.reply);
  }
  co_return now.upstream->is_error ? answer(context, server, *now.upstream) : result(context, {});
}

/// tasks/result at an old server on behalf of a client that does not wait: stays there until it is answered.
/// Neither reply nor message: the server asks something, or takes its time.
Task<Router::Sent> Router::send_task_result(RequestContext& context, uint32_t server,
                                            const UpstreamCall& call) {
  std::shared_ptr<ParkedCall> waiting = task_calls_.find(context.task.ours);
  if (waiting == nullptr) {
    // The keys of a task's questions stand for one question each as long as the task lives.
    const std::string prefix = std::string(asking_engine()) + "-" + std::to_string(wall_ms()) + "-";
    waiting = std::make_shared<ParkedCall>(context.executor, way(context, server), call,
                                           context.upstream_session, prefix);
    if (!task_calls_.put(context.task.ours, waiting, steady_ms())) {
      co_return Sent{
          failure(context, code::kInternalError, "Too many calls wait for their clients' answers."),
          std::nullopt};
    }
    waiting->start();
  }
  const auto deadline = std::chrono::steady_clock::now() + kQuestionsWithin;
  while (!waiting->over() && waiting->questions().empty() && std::chrono::steady_clock::now() < deadline) {
    co_await pause(kLookPause);
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      Reply abandoned;
      abandoned.abandoned = true;
      co_return Sent{std::move(abandoned), std::nullopt};
    }
  }
  if (!waiting->over()) {
    co_return Sent{};
  }
  std::optional<Result<UpstreamReply>> reply = waiting->take_reply();
  task_calls_.drop(context.task.ours);
  if (!reply) {
    co_return Sent{};  // another request has it; the client looks again
  }
  co_return sent(context, server, std::move(*reply));
}

Reply Router::end_of_old_task(RequestContext& context, std::string_view task_json,
                              const UpstreamReply& upstream) {
  const uint32_t server = context.task.server;
  if (upstream.is_error) {
    const std::optional<std::string> bridged =
        bridge_error(context.envelope, upstream.payload, crossing(context, server));
    return task_standing(context, task_json, TaskStatus::Failed,
                         MemberEdit{Kind::Set, "error", bridged ? *bridged : upstream.payload});
  }
  std::string changed;
  if (std::optional<Reply> refusal = decide_task_result(context, upstream.payload, changed)) {
    return std::move(*refusal);
  }
  // A result of the new generation, also inside a task.
  const MemberEdit kind = {Kind::Default, "resultType", "\"complete\""};
  const std::string result =
      edit_object(related_task(changed.empty() ? upstream.payload : std::string_view(changed),
                               context.task.id, context.task.ours),
                  {&kind, 1});
  // What the tool says of its failure is a result in the new generation: `failed` is for errors.
  return task_standing(context, task_json, TaskStatus::Completed, MemberEdit{Kind::Set, "result", result});
}

Reply Router::questions_of_old_task(RequestContext& context, std::string_view task_json) {
  const std::shared_ptr<ParkedCall> waiting = task_calls_.find(context.task.ours);
  std::vector<Question> asked;
  for (Question& question : waiting == nullptr ? std::vector<Question>() : waiting->questions()) {
    if (std::optional<std::string> refused = refuse_question(context, context.task.server, question)) {
      waiting->refuse(question.key, std::move(*refused));
    } else {
      asked.push_back(std::move(question));
    }
  }
  if (asked.empty()) {
    return task_standing(context, task_json, TaskStatus::Working);
  }
  const std::string requests = questions_json(asked);
  return task_standing(context, task_json, TaskStatus::InputRequired,
                       MemberEdit{Kind::Set, "inputRequests", requests});
}

/// The new generation cancels as often as it likes; an old server refuses to cancel what is over.
Task<Reply> Router::cancel_at_old_server(RequestContext& context, std::string_view params) {
  const uint32_t server = context.task.server;
  Sent told = co_await send(context, server, params, context.task.id, "tasks/cancel");
  if (!told.upstream) {
    co_return std::move(told.reply);
  }
  if (told.upstream->is_error) {
    Sent now = co_await send(context, server, params, context.task.id, "tasks/get");
    const std::optional<TaskStatus> status =
        now.upstream && !now.upstream->is_error ? task_status(now.upstream->payload) : std::nullopt;
    if (!status || !is_over(*status)) {
      co_return answer(context, server, *told.upstream);
    }
  }
  task_calls_.drop(context.task.ours);
  co_return result(context, {});
}

/// A client of the old generation, a server of the new one.
Task<Reply> Router::task_of_new_server(RequestContext& context) {
  offer_tasks(context);
  const std::string params = with_task_id("{}", context.task.id);
  if (context.envelope.method == "tasks/cancel") {
    co_return co_await cancel_at_new_server(context, params);
  }
  if (context.envelope.method == "tasks/result") {
    co_return co_await await_new_task(context, params);
  }
  Sent now = co_await send(context, context.task.server, params, context.task.id, "tasks/get");
  co_return now.upstream ? state_of_new_task(context, *now.upstream) : std::move(now.reply);
}

Reply Router::state_of_new_task(RequestContext& context, const UpstreamReply& upstream) const {
  if (upstream.is_error) {
    return answer(context, context.task.server, upstream);
  }
  const std::optional<TaskStatus> status = old_status(upstream.payload);
  return status ? task_standing(context, upstream.payload, *status)
                : unavailable(context, context.task.server, "a task without a status");
}

Task<Reply> Router::cancel_at_new_server(RequestContext& context, std::string_view params) {
  const uint32_t server = context.task.server;
  Sent now = co_await send(context, server, params, context.task.id, "tasks/get");
  if (!now.upstream || now.upstream->is_error) {
    co_return now.upstream ? answer(context, server, *now.upstream) : std::move(now.reply);
  }
  if (const std::optional<TaskStatus> status = task_status(now.upstream->payload);
      status && is_over(*status)) {
    co_return failure(context, code::kInvalidParams,
                      "Cannot cancel a task that is over: it is " + std::string(text_of(*status)));
  }
  Sent told = co_await send(context, server, params, context.task.id, "tasks/cancel");
  if (!told.upstream || told.upstream->is_error) {
    co_return told.upstream ? answer(context, server, *told.upstream) : std::move(told.reply);
  }
  const auto deadline = std::chrono::steady_clock::now() + kCancelledWithin;
  for (;;) {
    now = co_await send(context, server, params, context.task.id, "tasks/get");
    if (!now.upstream) {
      co_return std::move(now.reply);
    }
    const std::optional<TaskStatus> status = task_status(now.upstream->payload);
    if (!status || is_over(*status) || std::chrono::steady_clock::now() >= deadline) {
      co_return state_of_new_task(context, *now.upstream);
    }
    co_await pause(kCancelPause);
  }
}

/// A message goes out on one stream alone: the call's own, or else the client's.
void Router::tell_standing(RequestContext& context, std::string_view task_json) {
  std::string message = notification_message("notifications/tasks/status", task_json);
  if (context.stream != nullptr && context.stream->possible()) {
    context.stream->notify(context.executor, std::move(message));
  } else if (context.session->has_stream()) {
    context.session->events().push(std::move(message));
  }
}

/// Until the task is over: asks the client what the server asks, and tells it where the task stands.
Task<Reply> Router::await_new_task(RequestContext& context, std::string_view params) {
  const uint32_t server = context.task.server;
  const CallEntry call(context);
  if (call.get() == nullptr) {
    co_return failure(context, code::kInternalError, "Too many calls of this session are in flight.");
  }
  const int64_t until_ms = steady_ms() + std::max(options_.call_timeout_ms, options_.ask_timeout_ms);
  std::set<std::string> answered;
  std::optional<TaskStatus> told;
  while (steady_ms() < until_ms) {
    Sent now = co_await send(context, server, params, context.task.id, "tasks/get");
    if (call.get()->cancelled() || !now.upstream) {
      now.reply.abandoned = now.reply.abandoned || call.get()->cancelled();
      co_return std::move(now.reply);
    }
    const std::string_view task = now.upstream->payload;
    const std::optional<TaskStatus> status = task_status(task);
    if (now.upstream->is_error || !status) {
      co_return now.upstream->is_error ? answer(context, server, *now.upstream)
                                       : unavailable(context, server, "a task without a status");
    }
    if (is_over(*status)) {
      co_return end_of_new_task(context, task, *status);
    }
    if (status != std::exchange(told, status)) {
      tell_standing(context, task_for(Era::Legacy, visible_task(context, task, context.task.ours), *status));
    }
    std::optional<std::vector<Question>> questions = read_questions(task);
    if (!questions) {
      co_return failure(context, code::kInternalError, "The server asks what no client knows.");
    }
    std::erase_if(*questions, [&](const Question& question) { return answered.contains(question.key); });
    if (questions->empty()) {
      co_await pause(std::chrono::milliseconds(poll_pause_ms(task)));
      continue;
    }
    for (const Question& question : *questions) {
      answered.insert(question.key);
    }
    const Result<std::string> responses = co_await gather_answers(context, server, std::move(*questions));
    drop_questions(context);
    if (!responses) {
      co_return failure(context, code::kInternalError, responses.error().context);
    }
    const MemberEdit edit = {Kind::Set, "inputResponses", *responses};
    Sent update =
        co_await send(context, server, edit_object(params, {&edit, 1}), context.task.id, "tasks/update");
    if (!update.upstream || update.upstream->is_error) {
      co_return update.upstream ? answer(context, server, *update.upstream) : std::move(update.reply);
    }
  }
  co_return failure(context, code::kInternalError, "The task is not over yet; ask for its result again.");
}

Reply Router::end_of_new_task(RequestContext& context, std::string_view task_json, TaskStatus status) {
  if (status == TaskStatus::Completed) {
    return task_result(context, reply_of(std::string(find_member(task_json, "result"))));
  }
  const std::string_view error = find_member(task_json, "error");
  if (status == TaskStatus::Failed && error.starts_with('{')) {
    UpstreamReply reply = reply_of(std::string(error));
    reply.is_error = true;
    return answer(context, context.task.server, reply);
  }
  return failure(context, code::kInternalError, "The task is " + std::string(text_of(status)) + ".");
}

/// A client of the old generation asked for a task, and a server of the new one, which decides for itself,
/// has answered at once.
Reply Router::hold_result(RequestContext& context, const Catalogue::Found& found, std::string_view arguments,
                          std::string_view result_json) {
  const std::string_view asked = find_member(context.envelope.task_json, "ttl");
  HeldResults::Held held;
  held.result = result_json;
  held.made_ms = wall_ms();
  held.ttl_ms = asked.empty() ? kHeldTtlMs
                              : std::clamp<int64_t>(std::strtoll(std::string(asked).c_str(), nullptr, 10),
                                                    1000, kHeldTtlMaxMs);
  const std::string state = held_state(held, TaskStatus::Working);
  TaskRef ref;
  ref.server = found.server;
  ref.id = held_.add(std::move(held));
  ref.tool = found.item->key;
  ref.arguments = arguments;
  ref.held = true;
  if (ref.id.empty()) {
    return failure(context, code::kInternalError, "The answer is too large to be kept until it is fetched.");
  }
  ref.ours = seal_task(context, ref);
  tasks_.add(context.exchange.principal().id, {ref.server, ref.id, ref.ours});
  Reply reply;
  reply.message =
      result_message(context.envelope.id_json, R"({"task":)" + with_task_id(state, ref.ours) + "}");
  return reply;
}

std::string Router::held_standing(const HeldResults::Held& held, std::string_view ours) const {
  return with_task_id(held_state(held, failed(held.result) ? TaskStatus::Failed : TaskStatus::Completed),
                      ours);
}

Reply Router::held_task(RequestContext& context) {
  const std::shared_ptr<const HeldResults::Held> held = held_.find(context.task.id, wall_ms());
  if (held == nullptr) {
    return no_task(context);
  }
  const std::string_view method = context.envelope.method;
  if (method == "tasks/result") {
    return task_result(context, reply_of(held->result));
  }
  const bool modern = context.era == Era::Modern;
  if (method != "tasks/get") {
    return modern ? result(context, {})
                  : failure(context, code::kInvalidParams, "Cannot cancel a task that is over.");
  }
  const std::string state = held_standing(*held, context.task.ours);
  if (modern) {
    return end_of_old_task(context, state, reply_of(held->result));
  }
  Reply reply;
  reply.message = result_message(context.envelope.id_json, state);
  return reply;
}

}  // namespace catalyst::mcp
