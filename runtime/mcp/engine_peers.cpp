#include "runtime/mcp/engine_peers.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <vector>

#include "runtime/base/clock.h"
#include "runtime/http/head.h"
#include "runtime/mcp/protocol.h"
#include "runtime/mcp/request_context.h"
#include "runtime/mcp/sse.h"
#include "runtime/mcp/sse_headers.h"

namespace catalyst::mcp {
namespace {

constexpr std::string_view kWhere = "engine";
constexpr std::string_view kWhom = "handed over";
constexpr std::string_view kHandedOverHeader = "Catalyst-Handed-Over";
constexpr size_t kPeersMax = 1'024;

/// What belongs to one connection (RFC 9110 section 7.6.1), or is written anew.
bool stays_here(std::string_view name) {
  static constexpr std::array<std::string_view, 15> kNames = {
      "Host",   "Connection",      "Keep-Alive",        "Proxy-Connection", "Proxy-Authorization",
      "TE",     "Trailer",         "Transfer-Encoding", "Upgrade",          "Content-Length",
      "Expect", "Accept-Encoding", "X-Request-Id",      "HTTP2-Settings",   kHandedOverHeader};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view own) { return http::same_token(own, name); });
}

void append_path(std::string& out, std::string_view path) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("/-._~").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append("%").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    }
  }
}

/// The request never left, or was not let in: a server that wants a certificate says so in an alert.
bool is_unreachable(const boost::system::error_code& code) {
  return code == asio::error::connection_refused || code == asio::error::host_unreachable ||
         code == asio::error::network_unreachable || code == asio::error::host_not_found ||
         code == asio::error::host_not_found_try_again || code.category() == asio::error::get_ssl_category();
}

std::string_view content_type(ContentKind kind) {
  switch (kind) {
    case ContentKind::Json:
      return "application/json";
    case ContentKind::EventStream:
      return "text/event-stream";
    case ContentKind::None:
    case ContentKind::Other:
      break;
  }
  return "text/plain";
}

/// A complete answer.
Task<void> pass_on(HttpExchange& exchange, const HttpResponse& response) {
  std::vector<Header> headers;
  if (response.kind != ContentKind::None) {
    headers.push_back({"Content-Type", content_type(response.kind)});
  }
  if (!response.challenge.empty()) {
    headers.push_back({"WWW-Authenticate", response.challenge});
  }
  if (response.status == 503) {
    headers.push_back({"Retry-After", "1"});
  }
  co_await exchange.respond(response.status, headers, response.body);
}

}  // namespace

struct EnginePeers::Peer {
  Peer(const HttpUrl& url, const HttpClientOptions& options) : calls(url, options), streams(url, options) {}
  HttpClient calls;
  HttpClient streams;  // those that stay open: closed when this engine drains
  std::atomic<int64_t> gone_until_ms = 0;
};

/// Passes an event stream on as it comes. The exchange's executor; lives until `finish` returns.
struct EnginePeers::Relay : std::enable_shared_from_this<EnginePeers::Relay> {
  Relay(HttpExchange& to, const Executor& on, size_t unread_max)
      : exchange(to), executor(on), max(unread_max), idle(on, SteadyTimer::time_point::max()) {}

  HttpExchange& exchange;
  const Executor executor;
  const size_t max;
  SteadyTimer idle;  // cancelled when nothing is left to write
  std::string unread;
  bool begun = false;
  bool between = false;  // two events
  bool writing = false;
  bool failed = false;

  bool take(std::string_view bytes) {
    if (failed || unread.size() + bytes.size() > max) {
      failed = true;
      return false;
    }
    unread += bytes;
    between = bytes.ends_with("\n\n");
    if (!writing) {
      writing = true;
      asio::co_spawn(executor, write(shared_from_this()), asio::detached);
    }
    return true;
  }
  static Task<void> write(std::shared_ptr<Relay> self) {
    try {
      while (!self->failed && !self->unread.empty()) {
        std::string piece;
        piece.swap(self->unread);
        const Result<void> sent = self->begun ? co_await self->exchange.write(piece)
                                              : co_await self->exchange.begin_stream(200, kSseHeaders, piece);
        self->begun = true;
        self->failed = sent.has_error();
      }
    } catch (const std::exception&) {
      self->failed = true;  // the client went away in the middle
    }
    self->writing = false;
    self->idle.cancel();
  }
  /// For a coroutine that cannot be cancelled.
  Task<void> finish() {
    while (writing) {
      co_await idle.async_wait(asio::as_tuple(use_awaitable));
    }
  }
  /// After that. What broke off in the middle of an event cannot be answered any more, only cut.
  Task<void> end(bool whole, std::string_view id_json) {
    std::string last;
    if (!whole && (failed || !between)) {
      exchange.cut();
    } else if (!whole && !id_json.empty()) {
      last = sse_event(
          error_message(id_json, error_object(code::kInternalError, "The engine that ran this was lost.")));
    }
    co_await exchange.end_stream(last);
  }
};

EnginePeers::EnginePeers(const Sealer& sealer, PeerOptions options)
    : sealer_(sealer),
      options_(std::move(options)),
      mark_(options_.url.empty() ? std::string() : sealer_.seal(kWhere, options_.url)) {}

EnginePeers::~EnginePeers() = default;

std::string EnginePeers::mark(std::string text) const {
  return mark_.empty() ? std::move(text) : mark_ + "." + text;
}

bool EnginePeers::came_over(const HttpExchange& exchange) {
  return exchange.header(kHandedOverHeader).has_value();
}

bool EnginePeers::misdirected(const HttpExchange& exchange) const {
  const std::optional<std::string_view> sealed = exchange.header(kHandedOverHeader);
  const std::optional<std::string> whom = sealed ? sealer_.open(kWhom, *sealed) : std::nullopt;
  return whom && *whom != exchange.principal().id;
}

std::shared_ptr<EnginePeers::Peer> EnginePeers::holder(std::string_view marked) {
  const size_t dot = marked.find('.');
  if (mark_.empty() || dot == std::string_view::npos || marked.substr(0, dot) == mark_) {
    return nullptr;
  }
  const std::optional<std::string> address = sealer_.open(kWhere, marked.substr(0, dot));
  if (!address || *address == options_.url) {
    return nullptr;
  }
  const std::lock_guard lock(mutex_);
  auto found = peers_.find(*address);
  if (found == peers_.end()) {
    Result<HttpUrl> url = parse_http_url(*address);
    if (!url || peers_.size() >= kPeersMax) {
      return nullptr;
    }
    HttpClientOptions options;
    options.ca_file = options_.ca_file;
    options.connect_timeout_ms = options_.connect_timeout_ms;
    options.trusted_ms = 0;  // an engine that stops closes what is idle, and what is lost is not repeated
    found = peers_.emplace(*address, std::make_shared<Peer>(*url, options)).first;
  }
  return found->second->gone_until_ms.load(std::memory_order_relaxed) > steady_ms() ? nullptr : found->second;
}

std::string EnginePeers::head(const HttpExchange& exchange, const HttpUrl& url) const {
  std::string out(exchange.method());
  out += ' ';
  out += url.target.substr(0, url.target.find_last_not_of('/') + 1);
  append_path(out, exchange.path());
  if (!exchange.query().empty()) {
    out.append("?").append(exchange.query());
  }
  out.append(" HTTP/1.1\r\nHost: ").append(url.authority).append("\r\n");
  exchange.for_each_header([&](std::string_view name, std::string_view value) {
    if (!stays_here(name)) {
      out.append(name).append(": ").append(value).append("\r\n");
    }
  });
  out.append("X-Request-Id: ").append(exchange.request_id()).append("\r\n");
  out.append(kHandedOverHeader).append(": ");
  return out.append(sealer_.seal(kWhom, exchange.principal().id)).append("\r\n");
}

Task<bool> EnginePeers::hand_over(HttpExchange& exchange, std::string_view marked, std::string_view id_json) {
  if (came_over(exchange)) {
    co_return false;  // once is enough
  }
  const std::shared_ptr<Peer> peer = holder(marked);
  if (peer == nullptr) {
    co_return false;
  }
  co_return co_await relay(exchange, peer, id_json);
}

Task<bool> EnginePeers::relay(HttpExchange& exchange, std::shared_ptr<Peer> peer, std::string_view id_json) {
  const auto passed =
      std::make_shared<Relay>(exchange, co_await asio::this_coro::executor, options_.unread_bytes);
  const bool stays = exchange.method() == "GET" || exchange.header("Mcp-Method") == "subscriptions/listen";
  HttpClient& client = stays ? peer->streams : peer->calls;
  const std::string text = head(exchange, client.url());
  HttpRequest request;
  request.head = text;
  request.body = {exchange.body()};
  request.has_body = exchange.method() == "POST";
  request.timeout_ms = options_.answer_timeout_ms;
  request.silence_ms = options_.silence_ms;
  request.on_stream = [passed](std::string_view bytes) { return passed->take(bytes); };
  Result<HttpResponse> response = error(asio::error::operation_aborted, "the client has gone");
  bool left = false;
  try {
    response = co_await client.request(request);
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    left = state.cancelled() != asio::cancellation_type::none;
  } catch (const boost::system::system_error&) {
    left = true;
  }
  if (left || passed->begun || passed->writing) {
    // What is being written uses the exchange: it must be over before this frame may go.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await passed->finish();
    if (!left) {
      const bool whole = response && !response->stopped;
      note(whole ? HandedOver::Answered : HandedOver::Lost);
      co_await passed->end(whole, id_json);
    }
    co_return true;
  }
  if (!response && is_unreachable(response.error().code)) {
    peer->gone_until_ms.store(steady_ms() + options_.retry_ms, std::memory_order_relaxed);
    note(HandedOver::Gone);
    co_return false;
  }
  if (response && (response->status == 401 || response->status == 421)) {
    note(HandedOver::Refused);
    co_return false;
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (!response) {
    note(HandedOver::Lost);
    const Reply lost = refusal(id_json, 502, code::kInternalError, "The engine that holds this was lost.");
    const Header headers[] = {{"Content-Type", content_type(ContentKind::Json)}};
    co_await exchange.respond(lost.http_status, headers, lost.message);
    co_return true;
  }
  note(HandedOver::Answered);
  co_await pass_on(exchange, *response);
  co_return true;
}

void EnginePeers::close_streams() {
  const std::lock_guard lock(mutex_);
  for (const auto& [address, peer] : peers_) {
    peer->streams.close();
  }
}

}  // namespace catalyst::mcp
