// The router's way to an upstream and back: cancellation, notifications on the way, and the crossing between
// protocol generations.

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "runtime/base/clock.h"
#include "runtime/mcp/asking.h"
#include "runtime/mcp/call_entry.h"
#include "runtime/mcp/router.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

/// Lets partial cancellation through, as the terminal kind that operations understand.
struct OnlyPartial {
  asio::cancellation_type operator()(asio::cancellation_type type) const noexcept {
    return (type & asio::cancellation_type::partial) != asio::cancellation_type::none
               ? asio::cancellation_type::terminal
               : asio::cancellation_type::none;
  }
};

}  // namespace

std::optional<LogLevel> RequestContext::log_level() const {
  if (era == Era::Modern) {
    return envelope.meta.log_level.data() == nullptr ? std::nullopt
                                                     : parse_log_level(envelope.meta.log_level);
  }
  // A legacy client that set no level leaves the choice to the server.
  return session == nullptr ? std::nullopt : std::optional(session->log_level().value_or(LogLevel::Debug));
}

void Router::relay(RequestContext& context, std::string message) const {
  if (context.stream == nullptr) {
    return;
  }
  const std::string method = string_of(find_member(message, "method"));
  if (method == "notifications/message") {
    const std::optional<LogLevel> wanted = context.log_level();
    const std::optional<LogLevel> level =
        parse_log_level(string_of(find_member(find_member(message, "params"), "level")));
    if (!wanted || !level || *level < *wanted) {
      return;
    }
  } else if (method != "notifications/progress" || context.envelope.meta.progress_token_json.empty()) {
    return;
  }
  if (!context.task.id.empty()) {
    const std::string params =
        related_task(find_member(message, "params"), context.task.id, context.task.ours);
    message = notification_message(method, params);
  }
  context.stream->notify(context.executor, std::move(message));
}

Crossing Router::crossing(const RequestContext& context, uint32_t server) const {
  const std::shared_ptr<const Listing>& listing = context.catalogue->servers()[server].listing;
  return {context.era, listing == nullptr ? context.era : listing->info->era};
}

Task<Router::Sent> Router::send(RequestContext& context, uint32_t server, std::string_view params,
                                std::string_view name, std::string_view method) {
  Upstream& upstream = *upstreams_[server];
  const Crossing crossed = crossing(context, server);
  context.record.server = upstream.name();
  const bool is_tool = context.envelope.method == "tools/call";
  if (std::optional<Sent> refused =
          challenged(context, upstream.name(), is_tool ? name : std::string_view())) {
    co_return std::move(*refused);
  }
  if (!is_tool) {
    context.route.reset();  // of the server that was asked before
    context.runner.reset();
    if (routed_[server] != nullptr) {
      plan_route(context, server, nullptr, params);
    }
  }
  if (context.route != nullptr) {
    if (std::optional<Sent> refused = co_await prepare_route(context, server)) {
      co_return std::move(*refused);
    }
  }
  UpstreamCall call;
  call.method = method.empty() ? context.envelope.method : method;
  call.params = params;
  call.name = name;
  call.progress_token =
      context.stream == nullptr ? std::string_view() : context.envelope.meta.progress_token_json;
  call.traceparent = context.traceparent;
  call.tracestate = context.tracestate;
  call.timeout_ms = options_.call_timeout_ms;
  if (call.method == "tasks/result") {
    call.timeout_ms = std::max(call.timeout_ms, options_.ask_timeout_ms);  // waits until the task is done
  }
  const std::optional<LogLevel> level = context.log_level();
  if (level && (context.era == Era::Modern || context.session->log_level())) {
    call.log_level = log_level_name(*level);
  }
  std::string headers = context.param_headers;  // of this call: the next server gets its own credentials
  if (options_.authorize) {
    const Result<std::string> line = co_await options_.authorize(context.exchange, upstream.name());
    if (line.has_error()) {
      co_return Sent{unavailable(context, server, line.error().message()), std::nullopt};
    }
    if (context.route != nullptr) {
      context.route->headers.emplace_back(Lane::kReplica, *line);
      context.route->headers.emplace_back(server, *line);
    } else {
      headers += *line;
    }
  }
  call.extra_headers = headers;
  call.capabilities = context.offered_capabilities.empty() ? context.capabilities()
                                                           : std::string_view(context.offered_capabilities);
  context.upstream_session = session_with(context, server);
  call.session = context.upstream_session.get();
  call.route = context.route;
  // Two pointers: fits into std::function without an allocation.
  call.on_notification = [this, &context](std::string message) { relay(context, std::move(message)); };

  const int64_t start = steady_ns();
  Sent sent = context.era == Era::Modern || context.session == nullptr
                  ? co_await send_modern(context, server, call, crossed.server)
                  : co_await send_legacy(context, server, call, crossed.server);
  context.record.upstream_ns += steady_ns() - start;
  co_return sent;
}

Router::Sent Router::sent(RequestContext& context, uint32_t server, Result<UpstreamReply> reply) const {
  if (!reply) {
    const boost::system::error_code& code = reply.error().code;
    const Absence absence = code == asio::error::timed_out   ? Absence::Timeout
                            : code == asio::error::try_again ? Absence::Busy
                                                             : Absence::Unavailable;
    return {unavailable(context, server, reply.error().message(), absence), std::nullopt};
  }
  return {{}, std::move(*reply)};
}

Task<Router::Sent> Router::send_modern(RequestContext& context, uint32_t server, UpstreamCall& call,
                                       Era era) {
  if (era == Era::Legacy && call.method == "tasks/result") {
    co_return co_await send_task_result(context, server, call);
  }
  if (era == Era::Legacy && asks_clients(call.method) && can_be_asked(call.capabilities)) {
    co_return co_await send_parked(context, server, call);
  }
  std::optional<Reply> refused;
  const std::optional<std::string> params = unseal_round(context, server, call.params, refused);
  if (refused) {
    co_return Sent{std::move(*refused), std::nullopt};
  }
  if (params) {
    call.params = *params;
  }
  Result<UpstreamReply> reply = co_await way(context, server)->call(call);
  if (reply && !reply->is_error && era == Era::Modern && wants_input(reply->payload)) {
    co_return Sent{pass_questions(context, server, reply->payload), std::nullopt};
  }
  co_return sent(context, server, std::move(reply));
}

Task<Router::Sent> Router::send_legacy(RequestContext& context, uint32_t server, UpstreamCall& call,
                                       Era era) {
  const CallEntry entry(context);
  if (entry.get() == nullptr) {
    co_return Sent{failure(context, code::kInternalError, "Too many calls of this session are in flight."),
                   std::nullopt};
  }
  if (era == Era::Legacy && context.session->terms().askable) {
    context.unanswered = std::make_shared<std::atomic<int>>(0);
    call.unanswered = context.unanswered;
    context.alive = std::make_shared<const char>();
    call.on_request = [this, &context, server](ServerRequest request) {
      relay_question(context, server, std::move(request));
    };
  }
  // A legacy client that hangs up has not cancelled; InFlight::cancel is told apart by its type.
  co_await asio::this_coro::reset_cancellation_state(OnlyPartial(), asio::enable_terminal_cancellation());
  std::optional<Result<UpstreamReply>> reply;
  bool cancelled = false;
  try {
    reply.emplace(co_await way(context, server)->call(call));
    if (*reply && !(*reply)->is_error && era == Era::Modern && wants_input((*reply)->payload)) {
      reply.emplace(co_await answer_rounds(context, server, call, std::move(**reply)));
    }
  } catch (const boost::system::system_error&) {
    cancelled = true;
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  drop_questions(context);
  if (cancelled || entry.get()->cancelled()) {
    Reply abandoned;
    abandoned.abandoned = true;
    co_return Sent{std::move(abandoned), std::nullopt};
  }
  co_return sent(context, server, std::move(*reply));
}

/// Those without an answer: nobody waits for it now.
void Router::drop_questions(RequestContext& context) {
  for (const std::string& question : context.questions) {
    context.session->drop_ask(question);
  }
  context.questions.clear();
}

Reply Router::answer(RequestContext& context, uint32_t server, const UpstreamReply& upstream) const {
  const Crossing crossed = crossing(context, server);
  const std::string_view id = context.envelope.id_json;
  Reply reply;
  if (upstream.is_error) {
    const std::optional<std::string> bridged = bridge_error(context.envelope, upstream.payload, crossed);
    const std::string_view error_json = bridged ? std::string_view(*bridged) : upstream.payload;
    reply.error_code =
        static_cast<int>(std::strtol(std::string(find_member(error_json, "code")).c_str(), nullptr, 10));
    reply.message = error_message(id, error_json);
    if (reply.error_code == code::kMissingCapability) {
      reply.http_status = 400;
    }
    return reply;
  }
  const std::optional<std::string> bridged =
      bridge_result(context.envelope.method, upstream.payload, crossed, own_info_);
  reply.message = result_message(id, bridged ? std::string_view(*bridged) : upstream.payload);
  return reply;
}

Task<Reply> Router::forward(RequestContext& context, uint32_t server, const ParamsEdit& edit,
                            std::string_view name, const Subject* decided) {
  const std::optional<std::string> changed = bridge_params(context.envelope, crossing(context, server), edit);
  Sent outcome = co_await send(context, server,
                               changed ? std::string_view(*changed) : context.envelope.params_json, name);
  if (!outcome.upstream) {
    co_return std::move(outcome.reply);
  }
  UpstreamReply& upstream = *outcome.upstream;
  if (decided != nullptr && !upstream.is_error) {
    std::string redacted;
    redact_answer(context, *decided, upstream.payload, redacted);
    if (!redacted.empty()) {
      upstream.body = std::move(redacted);
      upstream.payload = upstream.body;
    }
  }
  co_return answer(context, server, upstream);
}

}  // namespace catalyst::mcp
