#include "runtime/mcp/http_upstream.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>

#include "runtime/base/clock.h"
#include "runtime/mcp/http_link.h"
#include "runtime/mcp/protocol.h"
#include "runtime/mcp/sse.h"

namespace catalyst::mcp {

using boost::system::error_code;

namespace {

constexpr int64_t kNotifyTimeoutMs = 5'000;
constexpr int64_t kDefaultRetryMs = 1'000;
constexpr int64_t kModernBelievedMs = 10'000;

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

bool is_header_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

/// One call while its answer comes in; lives in the frame of attempt().
struct HttpUpstream::CallState {
  const UpstreamCall* call = nullptr;
  SessionPtr session;
  const ClientTerms* terms = nullptr;  // whose session; nullptr: the gateway's own
  uint64_t id = 0;
  SseParser sse;
  std::string reply;  // whole message, when it came on an event stream
  bool too_large = false;
};

namespace {

/// The reply around a message that was checked to be a response.
UpstreamReply make_reply(std::string body, size_t offset, size_t length, bool is_error) {
  UpstreamReply reply;
  reply.body = std::move(body);
  reply.payload = std::string_view(reply.body).substr(offset, length);
  reply.is_error = is_error;
  return reply;
}

std::optional<UpstreamReply> parse_reply(std::string body, uint64_t id, bool any_id) {
  const auto message = read_wire_message(body);
  if (!message || message->kind != WireMessage::Kind::Response || (!any_id && own_id(message->id) != id)) {
    return std::nullopt;
  }
  const auto offset = static_cast<size_t>(message->payload.data() - body.data());
  const size_t length = message->payload.size();
  const bool is_error = message->is_error;
  return make_reply(std::move(body), offset, length, is_error);
}

}  // namespace

HttpUpstream::SessionPtr HttpUpstream::current(Slot& slot) {
  const uint64_t number = session_number_.load(std::memory_order_acquire);
  if (number == 0) {
    return nullptr;
  }
  if (!slot.session || slot.session->number != number) {
    // A copy: the threads would otherwise fight for one reference count with every call.
    const std::lock_guard lock(mutex_);
    slot.session = session_ ? std::make_shared<const Session>(*session_) : nullptr;
  }
  return slot.session;
}

Task<Result<HttpUpstream::SessionPtr>> HttpUpstream::session_for(Slot& slot, int64_t timeout_ms) {
  if (SessionPtr session = current(slot)) {
    co_return session;
  }
  const UpstreamState now = state();
  if (now == UpstreamState::Backoff || now == UpstreamState::Stopped) {
    co_return readiness_.refusal();
  }
  const int64_t limit =
      timeout_ms == 0 ? options_.ready_timeout_ms : std::min(timeout_ms, options_.ready_timeout_ms);
  if (auto up = co_await ready(limit); !up) {
    co_return up.error();
  }
  if (SessionPtr session = current(slot)) {
    co_return session;
  }
  co_return error(asio::error::not_connected, options_.name + " went away");
}

/// Unique over all contexts and below 2^53, so that it survives a server that keeps numbers as doubles.
uint64_t HttpUpstream::mint_id(Slot& slot, size_t index) {
  return (static_cast<uint64_t>(index) << 44) | (++slot.next_id & ((uint64_t{1} << 44) - 1));
}

std::string HttpUpstream::call_head(const Session& session, const UpstreamCall& call) const {
  std::string head;
  head.reserve(session.post_head.size() + call.extra_headers.size() + call.name.size() + call.method.size() +
               256);
  head += session.post_head;
  if (session.info->era == Era::Modern) {
    head += "Mcp-Method: ";
    head += encode_header_value(call.method);
    head += "\r\n";
    if (!call.name.empty()) {
      head += "Mcp-Name: ";
      head += encode_header_value(call.name);
      head += "\r\n";
    }
  }
  if (!call.traceparent.empty() && is_header_text(call.traceparent)) {
    append_header(head, "traceparent", call.traceparent);
    if (!call.tracestate.empty() && is_header_text(call.tracestate)) {
      append_header(head, "tracestate", call.tracestate);
    }
  }
  head += call.extra_headers;
  return head;
}

Task<Result<UpstreamReply>> HttpUpstream::call(const UpstreamCall& call) {
  const size_t index = client_.context_index(co_await asio::this_coro::executor);
  Slot& slot = slots_[index];
  const LinkPtr link = link_of(call.session);
  for (int tries = 0; tries < 2; ++tries) {
    SessionPtr session = open_session(slot, link);
    if (session == nullptr) {
      Result<SessionPtr> opened = co_await session_of(slot, link, call.timeout_ms);
      if (!opened) {
        co_return opened.error();
      }
      session = std::move(*opened);
    }
    Attempt result =
        co_await attempt(session, call, mint_id(slot, index), link == nullptr ? nullptr : &link->terms);
    if (result.outcome) {
      co_return std::move(*result.outcome);
    }
    if (link != nullptr) {
      forget(link, session);
    } else {
      renew(session->number);
    }
  }
  co_return error(asio::error::connection_reset, options_.name + ": the server forgot its session twice");
}

namespace {

/// Tells the server that nobody waits any more, unless disarmed; also when a cancelled coroutine unwinds.
template <class Send>
class CancelNotice {
 public:
  explicit CancelNotice(Send send) : send_(std::move(send)) {}
  ~CancelNotice() {
    if (armed_) {
      send_();
    }
  }
  CancelNotice(const CancelNotice&) = delete;
  CancelNotice& operator=(const CancelNotice&) = delete;
  void disarm() { armed_ = false; }

 private:
  Send send_;
  bool armed_ = true;
};

bool is_abandoned(const Error& failure) {
  return failure.code == asio::error::operation_aborted || failure.code == asio::error::timed_out;
}

bool is_unreachable(const error_code& code) {
  return code == asio::error::connection_refused || code == asio::error::host_unreachable ||
         code == asio::error::network_unreachable || code == asio::error::host_not_found ||
         code == asio::error::host_not_found_try_again;
}

}  // namespace

Task<HttpUpstream::Attempt> HttpUpstream::attempt(SessionPtr session, const UpstreamCall& call, uint64_t id,
                                                  const ClientTerms* terms) {
  CallState state{&call, session, terms, id, SseParser(options_.max_event_bytes), {}, false};
  std::shared_ptr<Reported> reported;
  if (session->info->era == Era::Legacy && !call.progress_token.empty() && call.on_notification) {
    reported = std::make_shared<Reported>(
        Reported{co_await asio::this_coro::executor, call.on_notification, std::string(call.progress_token)});
    const std::lock_guard lock(reported_mutex_);
    std::erase_if(reported_, [](const auto& entry) { return entry.second.expired(); });
    reported_.emplace(id, reported);
  }
  const std::string head = call_head(*session, call);
  std::string body;
  append_request(body, id, call, session->info->era, options_.identity);
  HttpRequest request;
  request.head = head;
  request.body = {body};
  request.repeatable = only_reads(call.method);
  request.timeout_ms = call.timeout_ms;
  request.paused = call.unanswered;
  request.on_stream = [this, &state](std::string_view bytes) {
    const auto outcome =
        state.sse.feed(bytes, [&](const SseEvent& event) { return take_stream_message(state, event.data); });
    state.too_large = outcome == SseParser::Outcome::TooLarge;
    return outcome == SseParser::Outcome::More;
  };
  // Modern servers read a closed stream as cancellation; legacy ones must be told.
  CancelNotice notice([this, &session, id] {
    if (session->info->era == Era::Legacy) {
      post_detached(session, cancelled_notification(id));
    }
  });
  const int64_t deadline_ms = call.timeout_ms == 0 ? INT64_MAX : steady_ms() + call.timeout_ms;
  auto response = co_await client_.request(request);
  if (!response) {
    if (!is_abandoned(response.error())) {
      notice.disarm();
    }
    if (is_unreachable(response.error().code)) {
      renew(session->number);
    }
    co_return Attempt{Result<UpstreamReply>(add_context(response.error(), options_.name))};
  }
  if (response->kind == ContentKind::EventStream && state.reply.empty() &&
      !state.sse.last_event_id().empty() && session->info->era == Era::Legacy && !state.too_large) {
    if (auto resumed = co_await resume(state, deadline_ms); !resumed) {
      if (!is_abandoned(resumed.error())) {
        notice.disarm();
      }
      co_return Attempt{Result<UpstreamReply>(resumed.error())};
    }
  }
  notice.disarm();
  co_return judge(*session, std::move(*response), state);
}

/// The server closed the stream before its answer and left an event id: poll for the rest (SEP-1699).
Task<Result<void>> HttpUpstream::resume(CallState& state, int64_t deadline_ms) {
  SteadyTimer timer(co_await asio::this_coro::executor);
  for (int64_t tries = 0; tries < options_.resume_limit && state.reply.empty(); ++tries) {
    const int64_t retry_ms = state.sse.retry_ms() >= 0 ? state.sse.retry_ms() : kDefaultRetryMs;
    const int64_t now = steady_ms();
    if (now + retry_ms >= deadline_ms) {
      co_return error(asio::error::timed_out, options_.name + ": waiting to resume the answer");
    }
    timer.expires_after(std::chrono::milliseconds(retry_ms));
    error_code ec;
    co_await timer.async_wait(asio::redirect_error(use_awaitable, ec));
    if (ec) {
      co_return error(ec, options_.name);
    }
    std::string head = state.session->get_head;
    append_header(head, "Last-Event-ID", state.sse.last_event_id());
    state.sse.restart();
    HttpRequest request;
    request.head = head;
    request.has_body = false;
    request.timeout_ms = deadline_ms == INT64_MAX ? 0 : deadline_ms - steady_ms();
    request.on_stream = [this, &state](std::string_view bytes) {
      return state.sse.feed(bytes, [&](const SseEvent& event) {
        return take_stream_message(state, event.data);
      }) == SseParser::Outcome::More;
    };
    const auto response = co_await client_.request(request);
    if (!response && is_abandoned(response.error())) {
      co_return response.error();
    }
    if (response && response->status != 200) {
      co_return error(options_.name + ": the server would not resume its answer (HTTP " +
                      std::to_string(response->status) + ")");
    }
  }
  co_return Result<void>{};
}

/// False ends the stream: the reply is here.
bool HttpUpstream::take_stream_message(CallState& state, std::string_view text) {
  if (text.empty()) {
    return true;  // priming event
  }
  const auto message = read_wire_message(text);
  if (!message) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    options_.log(options_.name + ": not a JSON-RPC message on the event stream: " + printable(text, 200));
    return true;
  }
  switch (message->kind) {
    case WireMessage::Kind::Response:
      if (own_id(message->id) != state.id) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return true;
      }
      state.reply = text;
      return false;
    case WireMessage::Kind::Request:
      take_request(state.session, *message, state.call->on_request);
      return true;
    case WireMessage::Kind::Notification:
      break;
  }
  if (message->method == "notifications/progress") {
    if (state.call->on_notification && progress_token_of(message->params) == state.id) {
      state.call->on_notification(restore_progress_token(text, state.call->progress_token));
    }
  } else if (message->method == "notifications/message" && state.call->on_notification) {
    state.call->on_notification(std::string(text));
  } else if (state.terms != nullptr) {
    state.terms->on_event(message->method, text);
  } else {
    report_event(message->method, text);
  }
  return true;
}

/// Progress that came on another stream than its call's: some servers send everything on the GET stream.
void HttpUpstream::report_progress(const WireMessage& message, std::string_view text) {
  const std::optional<uint64_t> id = progress_token_of(message.params);
  std::weak_ptr<Reported> call;
  std::optional<Executor> executor;
  {
    const std::lock_guard lock(reported_mutex_);
    const auto found = id ? reported_.find(*id) : reported_.end();
    const std::shared_ptr<Reported> alive = found == reported_.end() ? nullptr : found->second.lock();
    if (alive == nullptr) {
      return;
    }
    call = alive;
    executor = alive->executor;
  }
  // On the call's executor the call cannot end between the look and the step.
  asio::post(*executor, [call, text = std::string(text)] {
    if (const std::shared_ptr<Reported> alive = call.lock()) {
      alive->on_notification(restore_progress_token(text, alive->progress_token));
    }
  });
}

void HttpUpstream::take_request(const SessionPtr& session, const WireMessage& message,
                                const std::function<void(ServerRequest)>& handler) {
  if (!handler || message.method == "ping") {
    post_detached(session, answer_server_request(message));
    return;
  }
  handler({std::string(message.method), std::string(message.params),
           [self = shared_from_this(), session, id = std::string(message.id)](bool is_error,
                                                                              const std::string& payload) {
             self->post_detached(session, server_answer(id, is_error, payload));
           }});
}

/// Whether a refusal means that the server is not the one that was greeted, or has forgotten it. A greeting
/// that is younger than renew_min_ms is believed, so that a server which always answers like this is not
/// greeted for every call.
bool HttpUpstream::is_lost(const Session& session, const HttpResponse& response,
                           const UpstreamReply* reply) const {
  const int64_t age_ms = steady_ms() - session.greeted_ms;
  // How legacy servers answer who has no session: 400 also from some for a session that was ended, and always
  // for a modern request.
  const bool no_session = response.status == 400 && reply != nullptr && reply->is_error &&
                          error_code_of(reply->payload) == -32000;
  if (session.info->era == Era::Modern) {
    return no_session && age_ms >= kModernBelievedMs;
  }
  return !session.session_id.empty() &&
         (response.status == 404 || (no_session && age_ms >= options_.renew_min_ms));
}

HttpUpstream::Attempt HttpUpstream::judge(const Session& session, HttpResponse response, CallState& state) {
  const auto failed = [&](const std::string& text) {
    return Attempt{Result<UpstreamReply>(error(options_.name + ": " + text))};
  };
  if (response.kind == ContentKind::EventStream && response.status == 200) {
    if (state.too_large) {
      return failed("a message on the event stream exceeds " + std::to_string(options_.max_event_bytes) +
                    " bytes");
    }
    if (state.reply.empty()) {
      return failed("the event stream ended without an answer");
    }
    response.body = std::move(state.reply);
  }
  // A refusal may have no id: it was written before the request was read.
  const bool refused = response.status / 100 == 4;
  auto reply = parse_reply(std::move(response.body), state.id, refused);
  if (refused && is_lost(session, response, reply ? &*reply : nullptr)) {
    return Attempt{};
  }
  if (reply && (response.status / 100 == 2 || reply->is_error)) {
    return Attempt{Result<UpstreamReply>(std::move(*reply))};
  }
  if (response.status / 100 == 2) {
    return failed("the answer is not a JSON-RPC response to the request");
  }
  return failed("HTTP " + std::to_string(response.status));
}

Task<Result<void>> HttpUpstream::notify(std::string_view method, std::string_view params,
                                        UpstreamSession* client) {
  const size_t index = client_.context_index(co_await asio::this_coro::executor);
  auto session = co_await session_of(slots_[index], link_of(client), kNotifyTimeoutMs);
  if (!session) {
    co_return session.error();
  }
  UpstreamCall call;
  call.method = method;
  const std::string head = call_head(**session, call);
  std::string body = R"({"jsonrpc":"2.0","method":")" + std::string(method) + "\"";
  if (!params.empty()) {
    body += R"(,"params":)";
    body += params;
  }
  body += '}';
  HttpRequest request;
  request.head = head;
  request.body = {body};
  request.timeout_ms = kNotifyTimeoutMs;
  auto response = co_await client_.request(request);
  if (!response) {
    co_return add_context(response.error(), options_.name);
  }
  if (response->status / 100 != 2) {
    co_return error(options_.name + ": HTTP " + std::to_string(response->status) + " to a notification");
  }
  co_return Result<void>{};
}

Task<void> HttpUpstream::post_and_forget(SessionPtr session, std::string body) {
  HttpRequest request;
  request.head = session->post_head;
  request.body = {body};
  request.timeout_ms = kNotifyTimeoutMs;
  request.on_stream = [](std::string_view) { return false; };
  co_await client_.request(request);
}

void HttpUpstream::post_detached(SessionPtr session, std::string body) {
  // The home context: this also runs while the caller's coroutine unwinds.
  asio::post(home_,
             [self = shared_from_this(), session = std::move(session), body = std::move(body)]() mutable {
               asio::co_spawn(self->home_, self->post_and_forget(std::move(session), std::move(body)),
                              [self](const std::exception_ptr&) {});
             });
}

void HttpUpstream::report_event(std::string_view method, std::string_view message) {
  asio::post(home_,
             [self = shared_from_this(), method = std::string(method), message = std::string(message)] {
               if (self->on_event_) {
                 self->on_event_(method, message);
               }
             });
}

}  // namespace catalyst::mcp
