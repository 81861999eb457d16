#include "runtime/mcp/sse_front.h"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "runtime/base/clock.h"
#include "runtime/mcp/admission_watch.h"
#include "runtime/mcp/http_edge.h"
#include "runtime/mcp/sse_headers.h"

namespace catalyst::mcp {
namespace {

constexpr std::string_view kSessionParameter = "sessionId=";

std::string_view session_of(std::string_view query) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    if (pair.starts_with(kSessionParameter)) {
      return pair.substr(kSessionParameter.size());
    }
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
  }
  return {};
}

ChannelClient client_of(const HttpExchange& exchange) {
  return {exchange.principal_owner(), std::make_shared<const HeaderList>(client_headers(exchange))};
}

}  // namespace

SseFront::SseFront(Router& router, MessageChannel::Serve serve)
    : router_(router), serve_(std::move(serve)), streams_(router.options().channels, router.sealer()) {}

Task<std::optional<Reply>> SseFront::open(HttpExchange& exchange, Scope scope, std::string_view server) {
  if (!read_accept(exchange.header("Accept")).events) {
    co_return refusal({}, 406, code::kServerError, "Not Acceptable: Client must accept text/event-stream");
  }
  const Executor executor = co_await asio::this_coro::executor;
  const std::string principal_id(exchange.principal().id);
  const std::shared_ptr<SseStream> stream =
      streams_.open(executor, principal_id, scope, router_.scope_name(scope), steady_ms());
  if (stream == nullptr) {
    ends_.count(ChannelEnd::TooMany);
    co_return refusal({}, 503, code::kServerError, "Too many event streams are open.");
  }
  MessageChannelOptions options;
  options.path = router_.options().path + std::string(server);
  options.name = exchange.request_id();
  options.peer = exchange.peer();
  options.max_calls = router_.options().sessions.calls_in_flight;
  options.envelope = router_.options().envelope;
  stream->channel = std::make_shared<MessageChannel>(
      executor, serve_,
      [weak = std::weak_ptr(stream)](std::string_view message) {
        const std::shared_ptr<SseStream> alive = weak.lock();
        if (alive == nullptr) {
          return false;
        }
        alive->last_used_ms = steady_ms();
        return alive->queue.push(std::string(message));
      },
      std::move(options));
  const std::string address = router_.options().messages_path + std::string(server) + "?" +
                              std::string(kSessionParameter) + router_.peers().mark(stream->id);
  bool whole = false;
  // A client with a new token comes back with it.
  const AdmissionWatch watch(exchange, executor, router_.options().channels.admission_ms, [stream] {
    stream->end.say(ChannelEnd::NotAdmitted);
    stream->queue.close();
  });
  try {
    whole = co_await feed(exchange, *stream, address);
  } catch (const boost::system::system_error&) {
    // The client went away; what it left behind ends below.
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  streams_.close(*stream);
  if (stream->queue.dropped() > 0) {
    stream->end.say(ChannelEnd::NotTaking);
  }
  ends_.count(stream->end.said());
  stream->queue.close();
  co_await stream->channel->end();
  if (whole) {
    co_await exchange.end_stream({});
  }
  co_return std::nullopt;
}

/// Writes what there is to say; false when the client is gone.
Task<bool> SseFront::feed(HttpExchange& exchange, SseStream& stream, std::string_view address) {
  Result<void> sent = co_await exchange.begin_stream(
      200, kSseHeaders, "event: endpoint\ndata: " + std::string(address) + "\n\n");
  while (sent) {
    const std::optional<std::string> message = co_await stream.queue.next();
    if (!message) {
      break;
    }
    sent = co_await exchange.write(sse_event(*message));
  }
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  co_return sent&& state.cancelled() == asio::cancellation_type::none;
}

Task<std::optional<Reply>> SseFront::post(HttpExchange& exchange, Scope scope) {
  if (!is_json_content(exchange.header("Content-Type"))) {
    co_return refusal({}, 415, code::kServerError,
                      "Unsupported Media Type: Content-Type must be application/json");
  }
  const std::string_view id = session_of(exchange.query());
  if (co_await router_.peers().hand_over(exchange, id, {})) {
    co_return std::nullopt;
  }
  const std::shared_ptr<SseStream> stream = streams_.find(EnginePeers::unmarked(id), exchange.principal().id,
                                                          scope, router_.scope_name(scope), steady_ms());
  if (stream == nullptr) {
    co_return refusal({}, 404, -32001, "Session not found");
  }
  if (!is_batch(exchange.body())) {
    Envelope envelope;
    if (const EnvelopeFault fault = parse_envelope(exchange.body(), router_.options().envelope, envelope)) {
      co_return refusal(envelope.id_json, 400, fault.code, fault.message);
    }
  }
  asio::post(stream->executor, [stream, client = client_of(exchange), body = exchange.body()]() mutable {
    stream->channel->enter(std::move(client));
    stream->channel->take(std::move(body));
  });
  co_await exchange.respond(202, {}, {});
  co_return std::nullopt;
}

}  // namespace catalyst::mcp
