#include "runtime/mcp/websocket_front.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "runtime/base/clock.h"
#include "runtime/mcp/admission_watch.h"
#include "runtime/mcp/exchange_stream.h"

namespace catalyst::mcp {
namespace {

namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

constexpr std::string_view kSubprotocol = "mcp";
constexpr auto kHandshake = std::chrono::seconds(10);  // to open, and to close

/// Whether a header that is a list, or several of them, names a token (case-insensitive).
bool lists(const HttpExchange& exchange, std::string_view name, std::string_view token) {
  const std::string_view list = exchange.header(name).value_or(std::string_view());
  for (size_t at = 0; at < list.size();) {
    const size_t comma = std::min(list.find(',', at), list.size());
    std::string_view entry = list.substr(at, comma - at);
    entry.remove_prefix(std::min(entry.find_first_not_of(" \t"), entry.size()));
    entry = entry.substr(0, entry.find_last_not_of(" \t") + 1);
    if (boost::beast::iequals({entry.data(), entry.size()}, {token.data(), token.size()})) {
      return true;
    }
    at = comma + 1;
  }
  return false;
}

/// Why this is no opening handshake (RFC 6455 section 4.2.1); nullptr when it is.
const char* handshake_fault(const HttpExchange& exchange) {
  if (!lists(exchange, "Upgrade", "websocket") || !lists(exchange, "Connection", "upgrade")) {
    return "Bad Request: a WebSocket handshake is expected here";
  }
  if (exchange.header("Sec-WebSocket-Version") != "13" || !exchange.header("Sec-WebSocket-Key")) {
    return "Bad Request: Sec-WebSocket-Version must be 13, with a Sec-WebSocket-Key";
  }
  if (exchange.header("Sec-WebSocket-Protocol") && !lists(exchange, "Sec-WebSocket-Protocol", kSubprotocol)) {
    return "Bad Request: the subprotocol is `mcp`";
  }
  return nullptr;
}

http::request<http::empty_body> handshake_of(const HttpExchange& exchange) {
  http::request<http::empty_body> request{http::verb::get, "/", 11};
  for (const std::string_view name :
       {"Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"}) {
    const std::string_view text = exchange.header(name).value_or(std::string_view());
    request.set(boost::beast::string_view(name.data(), name.size()),
                boost::beast::string_view(text.data(), text.size()));
  }
  return request;
}

}  // namespace

struct WebSocketFront::Connection {
  Connection(HttpExchange& exchange, const Executor& executor, size_t queued_bytes)
      : socket(exchange, executor),
        queue(SIZE_MAX, queued_bytes, Overflow::Close),
        written(executor, SteadyTimer::time_point::max()),
        opened_ms(steady_ms()),
        last_used_ms(opened_ms) {}
  websocket::stream<ExchangeStream, false> socket;  // without compression: it would tell lengths of secrets
  EventQueue queue;
  std::shared_ptr<MessageChannel> channel;
  SteadyTimer written;  // cancelled when the writer is done
  bool writer_done = false;
  websocket::close_code code = websocket::close_code::going_away;  // with which the writer closes
  EndReason end;
  const int64_t opened_ms;
  std::atomic<int64_t> last_used_ms;

  /// Its client would not be let in any more.
  void dismiss() {
    end.say(ChannelEnd::NotAdmitted);
    code = websocket::close_code::policy_error;
    queue.close();
  }
};

/// Why the socket refuses what it was sent; nullopt: the client is gone.
std::optional<ChannelEnd> fault_of(const error_code& ec) {
  if (ec == websocket::error::message_too_big || ec == websocket::error::buffer_overflow) {
    return ChannelEnd::TooLarge;
  }
  if (ec == websocket::error::bad_frame_payload) {
    return ChannelEnd::NotUtf8;
  }
  return ec == websocket::condition::protocol_violation ? std::optional(ChannelEnd::BadFrame) : std::nullopt;
}

WebSocketFront::WebSocketFront(Router& router, MessageChannel::Serve serve)
    : router_(router), serve_(std::move(serve)) {}

std::shared_ptr<WebSocketFront::Connection> WebSocketFront::open(HttpExchange& exchange,
                                                                 const Executor& executor,
                                                                 std::string_view server) {
  const EndpointOptions& options = router_.options();
  auto connection = std::make_shared<Connection>(exchange, executor, options.channels.queued_bytes);
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || connections_.size() >= options.channels.channels) {
      return nullptr;
    }
    connections_.insert(connection);
  }
  MessageChannelOptions channel;
  channel.path = options.path + std::string(server);
  channel.name = exchange.request_id();
  channel.peer = exchange.peer();
  channel.max_calls = options.sessions.calls_in_flight;
  channel.envelope = options.envelope;
  connection->channel = std::make_shared<MessageChannel>(
      executor, serve_,
      [weak = std::weak_ptr(connection)](std::string_view message) {
        const std::shared_ptr<Connection> alive = weak.lock();
        if (alive == nullptr) {
          return false;
        }
        alive->last_used_ms = steady_ms();
        return alive->queue.push(std::string(message));
      },
      std::move(channel));
  connection->channel->enter(
      {exchange.principal_owner(), std::make_shared<const HeaderList>(client_headers(exchange))});
  websocket::stream_base::timeout timeout{};
  timeout.handshake_timeout = kHandshake;
  timeout.idle_timeout = std::chrono::milliseconds(options.channels.ping_ms);
  timeout.keep_alive_pings = true;
  connection->socket.set_option(timeout);
  connection->socket.read_message_max(options.envelope.message_bytes);
  const bool offered = exchange.header("Sec-WebSocket-Protocol").has_value();
  connection->socket.set_option(websocket::stream_base::decorator(
      [offered, id = std::string(exchange.request_id())](websocket::response_type& response) {
        response.set("X-Request-Id", id);
        if (offered) {
          response.set(http::field::sec_websocket_protocol,
                       boost::beast::string_view(kSubprotocol.data(), kSubprotocol.size()));
        }
      }));
  return connection;
}

Task<std::optional<Reply>> WebSocketFront::serve(HttpExchange& exchange, std::string_view server) {
  if (const char* fault = handshake_fault(exchange)) {
    co_return refusal({}, 400, code::kServerError, fault);
  }
  // A client that goes away ends the reading.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const Executor executor = co_await asio::this_coro::executor;
  const std::shared_ptr<Connection> connection = open(exchange, executor, server);
  if (connection == nullptr) {
    ends_.count(ChannelEnd::TooMany);
    co_return refusal({}, 503, code::kServerError, "Too many WebSockets are open.");
  }
  if (co_await exchange.begin_upgrade()) {
    error_code ec;
    co_await connection->socket.async_accept(handshake_of(exchange), asio::redirect_error(use_awaitable, ec));
    if (!ec) {
      asio::co_spawn(executor, write_all(connection), [connection](const std::exception_ptr&) {
        connection->writer_done = true;
        connection->written.cancel();
      });
      const AdmissionWatch watch(exchange, executor, router_.options().channels.admission_ms,
                                 [connection] { connection->dismiss(); });
      co_await read_all(*connection, exchange);
      connection->queue.close();
      co_await connection->channel->end();
      while (!connection->writer_done) {
        co_await connection->written.async_wait(asio::redirect_error(use_awaitable, ec));
      }
    }
    if (connection->queue.dropped() > 0) {
      connection->end.say(ChannelEnd::NotTaking);
    }
    ends_.count(connection->end.said());
    co_await exchange.end_stream({});
  }
  const std::lock_guard lock(mutex_);
  connections_.erase(connection);
  co_return std::nullopt;
}

Task<void> WebSocketFront::read_all(Connection& connection, HttpExchange& exchange) {
  boost::beast::flat_buffer buffer;
  for (;;) {
    error_code ec;
    co_await connection.socket.async_read(buffer, asio::redirect_error(use_awaitable, ec));
    if (ec) {  // closed, gone, too large, not UTF-8, or silent: the socket has said so where it can
      if (const std::optional<ChannelEnd> fault = fault_of(ec)) {
        connection.end.say(*fault);
      }
      co_return;
    }
    if (!exchange.still_admitted()) {
      connection.dismiss();
      co_return;
    }
    if (!connection.socket.got_text()) {
      connection.end.say(ChannelEnd::NotText);
      connection.code = websocket::close_code::unknown_data;
      co_return;  // the writer closes: two at a time must not
    }
    connection.last_used_ms = steady_ms();
    connection.channel->take(std::string(static_cast<const char*>(buffer.data().data()), buffer.size()));
    buffer.consume(buffer.size());
  }
}

/// Until the queue is closed: by the reader, since the client has left, or by the gateway, which leaves.
Task<void> WebSocketFront::write_all(std::shared_ptr<Connection> connection) {
  error_code ec;
  connection->socket.text(true);
  while (!ec) {
    const std::optional<std::string> message = co_await connection->queue.next();
    if (!message) {
      co_await connection->socket.async_close(connection->code, asio::redirect_error(use_awaitable, ec));
      co_return;
    }
    co_await connection->socket.async_write(asio::buffer(*message), asio::redirect_error(use_awaitable, ec));
  }
  connection->queue.close();
}

void WebSocketFront::sweep(int64_t now_ms) {
  const EndpointOptions& options = router_.options();
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<Connection>& connection : connections_) {
    const bool idle = now_ms - connection->last_used_ms > options.channels.idle_ms;
    if (idle || now_ms - connection->opened_ms > options.sessions.max_ms) {
      connection->end.say(idle ? ChannelEnd::Idle : ChannelEnd::TooOld);
      connection->queue.close();
    }
  }
}

void WebSocketFront::close_all() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const std::shared_ptr<Connection>& connection : connections_) {
    connection->queue.close();
  }
}

}  // namespace catalyst::mcp
