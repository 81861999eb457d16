// The life of an HTTP upstream on its home executor: greeting by era, the notification stream, renewal, the
// end.

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>

#include "runtime/base/clock.h"
#include "runtime/mcp/asking.h"
#include "runtime/mcp/backoff.h"
#include "runtime/mcp/envelope.h"
#include "runtime/mcp/http_upstream.h"
#include "runtime/mcp/protocol.h"
#include "runtime/mcp/sse.h"
#include "runtime/mcp/sse_link.h"

namespace catalyst::mcp {

using boost::system::error_code;

namespace {

constexpr int64_t kStreamSilenceMs = int64_t{24} * 3'600'000;
constexpr int64_t kStreamRetryMs = 1'000;
constexpr int64_t kEmptyStreamRetryMs = 5'000;  // a server that ends its stream at once
constexpr int64_t kEndTimeoutMs = 2'000;
constexpr size_t kMaxStreamFailures = 5;

std::string post_line(const HttpUpstreamOptions& options) {
  return "POST " + options.url.target +
         " HTTP/1.1\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";
}

}  // namespace

HttpUpstream::HttpUpstream(Executor home, HttpUpstreamOptions options)
    : home_(std::move(home)),
      options_(std::move(options)),
      readiness_(options_.name),
      static_head_(common_headers(options_.url, options_.headers)),
      client_(options_.url, options_.client),
      timer_(home_) {}

HttpUpstream::~HttpUpstream() = default;

void HttpUpstream::start(UpstreamEvent on_event) {
  readiness_.set(UpstreamState::Starting);
  asio::post(home_, [self = shared_from_this(), on_event = std::move(on_event)]() mutable {
    self->on_event_ = std::move(on_event);
    asio::co_spawn(self->home_, self->run(), [self](const std::exception_ptr&) {});
  });
}

Task<void> HttpUpstream::run() {
  Backoff backoff(options_.backoff_min_ms, options_.backoff_max_ms);
  while (!stopping_) {
    auto session = co_await greet();
    if (stopping_ || is_sse_) {
      break;
    }
    if (!session) {
      const int64_t wait_ms = backoff.next_ms();
      readiness_.fail(session.error().message(), UpstreamState::Backoff);
      options_.log(options_.name + ": " + session.error().message() + "; next try in " +
                   std::to_string(wait_ms) + " ms");
      co_await pause(wait_ms);
      continue;
    }
    backoff.reset();
    publish(*session);
    const int64_t began_ms = steady_ms();
    co_await listen(*session);
    // Calls that still hold the old session finish on it.
    session_number_.store(0, std::memory_order_release);
    const int64_t lived_ms = steady_ms() - began_ms;
    if (!stopping_) {
      readiness_.set(UpstreamState::Starting);
      if (lived_ms < options_.renew_min_ms) {
        co_await pause(std::min<int64_t>(options_.renew_min_ms - lived_ms, options_.renew_min_ms) / 4);
      }
    } else {
      co_await end_session(*session);
    }
  }
  if (is_sse_) {
    options_.found_sse();
  }
  readiness_.set(UpstreamState::Stopped);
}

Task<void> HttpUpstream::pause(int64_t ms) {
  timer_.expires_after(std::chrono::milliseconds(ms));
  error_code ec;
  co_await timer_.async_wait(asio::redirect_error(use_awaitable, ec));
}

void HttpUpstream::publish(SessionPtr session) {
  const uint64_t number = session->number;
  const std::shared_ptr<const UpstreamInfo> info = session->info;
  {
    const std::lock_guard lock(mutex_);
    session_ = std::move(session);
  }
  session_number_.store(number, std::memory_order_release);
  readiness_.publish(info);
  if (number > 1) {
    Readiness::announce_changes(on_event_);
  }
}

HttpUpstream::SessionPtr HttpUpstream::make_session(UpstreamInfo info, std::string session_id) {
  auto session = std::make_shared<Session>();
  std::string common = static_head_ + "MCP-Protocol-Version: " + info.protocol_version + "\r\n";
  if (!session_id.empty()) {
    common += "Mcp-Session-Id: " + session_id + "\r\n";
  }
  session->post_head = post_line(options_) + common;
  session->get_head = "GET " + options_.url.target + " HTTP/1.1\r\nAccept: text/event-stream\r\n" + common;
  session->info = std::make_shared<const UpstreamInfo>(std::move(info));
  session->session_id = std::move(session_id);
  session->number = ++greetings_;
  session->greeted_ms = steady_ms();
  return session;
}

/// Posts the greeting of that era; `body_out` gets the JSON-RPC message that answers it, from a JSON body or
/// an event stream.
Task<Result<HttpResponse>> HttpUpstream::post_greeting(Era era, std::string_view capabilities,
                                                       std::string& body_out) {
  const std::string body = greeting_request(++greeting_id_, era, options_.identity, capabilities);
  std::string head = post_line(options_) + static_head_;
  if (era == Era::Modern) {
    head += "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: server/discover\r\n";
  }
  SseParser sse(options_.max_event_bytes);
  HttpRequest request;
  request.head = head;
  request.body = {body};
  request.timeout_ms = options_.greeting_timeout_ms;
  request.on_stream = [&](std::string_view bytes) {
    return sse.feed(bytes, [&](const SseEvent& event) {
      const auto message = read_wire_message(event.data);
      if (message && message->kind == WireMessage::Kind::Response) {
        body_out = event.data;
        return false;
      }
      return true;
    }) == SseParser::Outcome::More;
  };
  auto response = co_await client_.request(request);
  if (response && response->kind != ContentKind::EventStream) {
    body_out = std::move(response->body);
  }
  co_return response;
}

Task<Result<HttpUpstream::SessionPtr>> HttpUpstream::greet() {
  if (options_.era != Era::Legacy) {
    bool legacy = false;
    auto modern = co_await greet_modern(legacy);
    if (modern || !legacy || options_.era == Era::Modern || stopping_) {
      co_return modern;
    }
  }
  int status = 0;
  auto session = co_await greet_legacy(kAllCapabilities, &status);
  const bool refused = status / 100 == 4 && status != 401 && status != 403 && status != 429;
  if (!session && refused && options_.found_sse && !stopping_) {
    is_sse_ = co_await opens_sse();
  }
  co_return session;
}

/// Whether a GET opens an event stream whose first event names an address for messages.
Task<bool> HttpUpstream::opens_sse() {
  const std::string head =
      "GET " + options_.url.target + " HTTP/1.1\r\nAccept: text/event-stream\r\n" + static_head_;
  SseParser sse(options_.max_event_bytes);
  bool found = false;
  HttpRequest request;
  request.head = head;
  request.has_body = false;
  request.timeout_ms = options_.greeting_timeout_ms;
  request.on_stream = [&](std::string_view bytes) {
    return sse.feed(bytes, [&](const SseEvent& event) {
      found = event.type == "endpoint";
      return false;
    }) == SseParser::Outcome::More;
  };
  co_await client_.request(request);
  co_return found;
}

/// `legacy` says that what came back is evidence of a server of the old era.
Task<Result<HttpUpstream::SessionPtr>> HttpUpstream::greet_modern(bool& legacy) {
  std::string body;
  auto response = co_await post_greeting(Era::Modern, "{}", body);
  if (!response) {
    // A server that keeps an unknown request hanging is worth one try the old way; one that is not there is
    // not.
    legacy = response.error().code == asio::error::timed_out;
    co_return response.error();
  }
  const int status = response->status;
  const auto message = read_wire_message(body);
  const bool is_error = message && message->is_error;
  if (status / 100 == 2 && message && message->kind == WireMessage::Kind::Response && !is_error) {
    auto info = read_greeting(message->payload, Era::Modern);
    if (info) {
      co_return make_session(std::move(*info), {});
    }
    legacy = true;
    co_return info.error();
  }
  if (is_error && is_modern_error(message->payload)) {
    const std::string_view supported = find_member(find_member(message->payload, "data"), "supported");
    legacy = error_code_of(message->payload) == code::kUnsupportedVersion &&
             supported.find(kLegacyVersions.front()) != std::string::npos;
    co_return error("server/discover: " + printable(message->payload, 300));
  }
  legacy = (status / 100 == 4 && status != 401 && status != 403 && status != 429) || status / 100 == 2;
  co_return error("server/discover: HTTP " + std::to_string(status));
}

Task<Result<HttpUpstream::SessionPtr>> HttpUpstream::greet_legacy(std::string_view capabilities,
                                                                  int* status) {
  std::string body;
  auto response = co_await post_greeting(Era::Legacy, capabilities, body);
  if (!response) {
    co_return add_context(response.error(), "initialize");
  }
  if (status != nullptr) {
    *status = response->status;
  }
  const auto message = read_wire_message(body);
  if (response->status / 100 != 2 || !message || message->kind != WireMessage::Kind::Response ||
      message->is_error) {
    co_return error("initialize: HTTP " + std::to_string(response->status) +
                    (message && message->is_error ? ", " + printable(message->payload, 300) : std::string()));
  }
  auto info = read_greeting(message->payload, Era::Legacy);
  if (!info) {
    co_return info.error();
  }
  const std::string& id = response->session_id;
  if (id.size() > 1024 || !std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; })) {
    co_return error("initialize: the session id is not visible ASCII");
  }
  auto session = make_session(std::move(*info), response->session_id);
  const std::string initialized = notification_message("notifications/initialized", {});
  HttpRequest request;
  request.head = session->post_head;
  request.body = {initialized};
  request.timeout_ms = options_.greeting_timeout_ms;
  auto accepted = co_await client_.request(request);
  if (!accepted) {
    co_return add_context(accepted.error(), "notifications/initialized");
  }
  co_return session;
}

/// Returns when the session is no longer good: cancelled by renew() or stop(), or its stream fails again and
/// again.
Task<void> HttpUpstream::listen(SessionPtr session) {
  SteadyTimer done(home_, SteadyTimer::time_point::max());
  asio::co_spawn(home_, keep_listening(session),
                 asio::bind_cancellation_slot(
                     cancel_listen_.slot(),
                     [&done, self = shared_from_this()](const std::exception_ptr&) { done.cancel(); }));
  error_code ec;
  co_await done.async_wait(asio::redirect_error(use_awaitable, ec));
}

Task<void> HttpUpstream::keep_listening(SessionPtr session) {
  std::string last_event_id;
  int64_t retry_ms = kStreamRetryMs;
  size_t failures = 0;
  while (!stopping_ && failures < kMaxStreamFailures) {
    bool failed = false;
    watch_changed_ = false;
    try {
      const int status = co_await listen_once(session, nullptr, last_event_id, retry_ms);
      failed = status == 0;
      failures = failed ? failures + 1 : 0;
      if (!watch_changed_) {
        co_await pause(status != 0 && status != 200 ? kStreamSilenceMs : failed ? kStreamRetryMs : retry_ms);
      }
    } catch (const boost::system::system_error&) {
      failed = true;  // cancelled; why is seen below
    }
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      if (!watch_changed_) {
        co_return;
      }
      failures = 0;
      co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
    }
  }
}

void HttpUpstream::watch(std::vector<std::string> uris) {
  asio::post(home_, [self = shared_from_this(), uris = std::move(uris)]() mutable {
    self->watched_ = std::move(uris);
    self->watch_changed_ = true;
    self->cancel_listen_.emit(asio::cancellation_type::terminal);
  });
}

/// One connection for messages that belong to no call. The HTTP status, 0 when the connection failed, -1 for
/// an answer that is no event stream.
Task<int> HttpUpstream::listen_once(const SessionPtr& session, const ClientTerms* terms,
                                    std::string& last_event_id, int64_t& retry_ms) {
  const bool modern = session->info->era == Era::Modern;
  SseParser sse(options_.max_event_bytes);
  std::string head = modern ? session->post_head + "Mcp-Method: subscriptions/listen\r\n" : session->get_head;
  if (!modern && !last_event_id.empty()) {
    head += "Last-Event-ID: " + last_event_id + "\r\n";
  }
  std::string body;
  HttpRequest request;
  if (modern) {
    const std::string params = listen_params(watched_);
    UpstreamCall call;
    call.method = "subscriptions/listen";
    call.params = params;
    append_request(body, ++greeting_id_, call, Era::Modern, options_.identity);
    request.body = {body};
  }
  request.head = head;
  request.has_body = modern;
  request.timeout_ms = options_.greeting_timeout_ms;
  request.silence_ms = kStreamSilenceMs;
  bool began = false;
  request.on_stream = [&](std::string_view bytes) {
    began = true;
    return sse.feed(bytes, [&](const SseEvent& event) { return take_event(session, terms, event.data); }) ==
           SseParser::Outcome::More;
  };
  auto response = co_await client_.request(request);
  if (!sse.last_event_id().empty()) {
    last_event_id = sse.last_event_id();
  }
  retry_ms = !began ? kEmptyStreamRetryMs : sse.retry_ms() >= 0 ? sse.retry_ms() : kStreamRetryMs;
  if (!response) {
    co_return 0;
  }
  if (response->status == 404 && !modern && !session->session_id.empty() && terms == nullptr) {
    renew(session->number);
  }
  co_return response->status == 200 && response->kind != ContentKind::EventStream ? -1 : response->status;
}

/// False ends the stream.
bool HttpUpstream::take_event(const SessionPtr& session, const ClientTerms* terms, std::string_view text) {
  const auto message = text.empty() ? std::nullopt : read_wire_message(text);
  if (!message) {
    return true;
  }
  switch (message->kind) {
    case WireMessage::Kind::Response:
      return false;
    case WireMessage::Kind::Request:
      take_request(session, *message, terms == nullptr ? nullptr : terms->on_request);
      return true;
    case WireMessage::Kind::Notification:
      break;
  }
  if (message->method == "notifications/progress") {
    report_progress(*message, text);
  } else if (terms != nullptr) {
    terms->on_event(message->method, text);
  } else if (on_event_ &&
             (options_.shared || session->session_id.empty() || message->method.ends_with("/list_changed"))) {
    on_event_(message->method, text);  // of a server with sessions, only what is true for all of them
  }
  return true;
}

void HttpUpstream::renew(uint64_t number) {
  uint64_t expected = number;
  if (!session_number_.compare_exchange_strong(expected, 0, std::memory_order_acq_rel)) {
    return;  // somebody else noticed before
  }
  readiness_.set(UpstreamState::Starting);
  asio::post(home_, [self = shared_from_this()] {
    self->watch_changed_ = false;
    self->cancel_listen_.emit(asio::cancellation_type::terminal);
    self->timer_.cancel();
  });
}

Task<void> HttpUpstream::end_session(SessionPtr session) {
  if (session->info->era == Era::Modern || session->session_id.empty()) {
    co_return;
  }
  std::string head = session->get_head;
  head.replace(0, 3, "DELETE");
  HttpRequest request;
  request.head = head;
  request.has_body = false;
  request.timeout_ms = kEndTimeoutMs;
  co_await client_.request(request);
}

Task<void> HttpUpstream::stop() {
  const std::shared_ptr<HttpUpstream> self = shared_from_this();
  stopping_ = true;
  asio::post(home_, [self] {
    self->watch_changed_ = false;
    self->cancel_listen_.emit(asio::cancellation_type::terminal);
    self->timer_.cancel();
  });
  SteadyTimer timer(co_await asio::this_coro::executor);
  for (int polls = 0; polls < 300; ++polls) {
    timer.expires_after(std::chrono::milliseconds(10));
    co_await timer.async_wait(use_awaitable);
    if (state() == UpstreamState::Stopped) {
      break;
    }
  }
  session_number_.store(0, std::memory_order_release);
  readiness_.set(UpstreamState::Stopped);
  client_.close();
}

}  // namespace catalyst::mcp
