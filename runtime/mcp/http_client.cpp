#include "runtime/mcp/http_client.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/this_coro.hpp>
#include <mutex>
#include <utility>

#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/mcp/http_connection.h"

namespace catalyst::mcp {

using boost::system::error_code;

struct HttpClient::State {
  std::shared_ptr<HttpOrigin> origin;
  std::mutex mutex;  // guards growth; readers go by the atomics
  std::array<std::atomic<asio::io_context*>, kMaxContexts> contexts{};
  std::array<std::shared_ptr<HttpPool>, kMaxContexts> pools;
  std::atomic<size_t> count{0};
  std::atomic<bool> closed{false};
};

Result<HttpUrl> parse_http_url(std::string_view text) {
  HttpUrl url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    url.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return error("'" + std::string(text) + "' is not an http:// or https:// address");
  }
  const size_t slash = rest.find_first_of("/?");
  const std::string_view authority = rest.substr(0, slash);
  url.authority = authority;
  url.target = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  if (url.target.front() == '?') {
    url.target.insert(0, 1, '/');
  }
  const bool clean = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (authority.empty() || authority.find('@') != std::string_view::npos ||
      text.find('#') != std::string_view::npos || !clean) {
    return error("'" + std::string(text) +
                 "': expected scheme://host[:port]/path without credentials, spaces or fragment");
  }
  const size_t bracket = authority.find(']');
  const size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  url.host = authority.substr(0, colon);
  if (url.host.starts_with('[') && url.host.ends_with(']')) {
    url.host = url.host.substr(1, url.host.size() - 2);
  }
  url.port =
      colon == std::string_view::npos ? (url.tls ? "443" : "80") : std::string(authority.substr(colon + 1));
  if (url.host.empty() || url.port.empty() || url.port.size() > 5 ||
      !std::all_of(url.port.begin(), url.port.end(), [](char c) { return c >= '0' && c <= '9'; }) ||
      std::stoi(url.port) > 65535) {
    return error("'" + std::string(text) + "': bad host or port");
  }
  return url;
}

namespace {

/// Returns the connection's place whatever happens, also when a cancelled coroutine unwinds.
class Guard {
 public:
  Guard(std::shared_ptr<HttpPool> pool, HttpPool::Lease connection)
      : pool_(std::move(pool)), connection_(std::move(connection)) {
    pool_->watch(*connection_);
  }
  ~Guard() {
    if (connection_) {
      pool_->unwatch(*connection_);
      pool_->discard(std::move(connection_));
    }
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  [[nodiscard]] HttpConnection& operator*() { return *connection_; }
  [[nodiscard]] HttpConnection* operator->() { return connection_.get(); }
  HttpPool::Lease release() {
    pool_->unwatch(*connection_);
    return std::move(connection_);
  }

 private:
  std::shared_ptr<HttpPool> pool_;
  HttpPool::Lease connection_;
};

/// The connection after a successful exchange: back to the pool, or its last bytes are awaited off the
/// caller's path.
void settle(const std::shared_ptr<HttpPool>& pool, HttpPool::Lease connection) {
  if (is_reusable(*connection)) {
    pool->give_back(std::move(connection));
  } else if (!connection->reader.is_done() && !connection->timed_out) {
    asio::co_spawn(pool->executor, finish_in_background(pool, std::move(connection)), asio::detached);
  } else {
    pool->discard(std::move(connection));
  }
}

struct FreshConnection {
  HttpPool::Lease lease;
  bool pooled = false;
};

Task<Result<FreshConnection>> open_connection(std::shared_ptr<HttpPool> pool, int64_t deadline_ms) {
  if (auto place = co_await pool->reserve(deadline_ms); !place) {
    co_return place.error();
  }
  if (auto idle = pool->take_idle()) {
    pool->release_place();  // the idle connection has its own
    co_return FreshConnection{std::move(idle), true};
  }
  Guard guard(pool, std::make_unique<HttpConnection>(pool->executor));
  const int64_t connect_deadline = steady_ms() + pool->origin->options.connect_timeout_ms;
  guard->deadline_ms = deadline_ms == 0 ? connect_deadline : std::min(deadline_ms, connect_deadline);
  if (auto connected = co_await connect(*pool, *guard); !connected) {
    const bool slow = connected.error().code == asio::error::timed_out && steady_ms() >= connect_deadline;
    if (slow) {  // callers take this for a request that never left, which it is
      co_return error(asio::error::host_unreachable,
                      "connecting to " + pool->origin->url.authority + " took too long");
    }
    co_return connected.error();
  }
  co_return FreshConnection{guard.release(), false};
}

}  // namespace

HttpClient::HttpClient(HttpUrl url, HttpClientOptions options) : state_(std::make_shared<State>()) {
  state_->origin = std::make_shared<HttpOrigin>();
  HttpOrigin& origin = *state_->origin;
  origin.url = std::move(url);
  origin.options = std::move(options);
  if (origin.url.tls) {
    origin.tls.emplace(asio::ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(origin.tls->native_handle(), TLS1_2_VERSION);
    origin.tls->set_verify_mode(asio::ssl::verify_peer);
    error_code
        ignored;  // what cannot be read leaves nothing to verify with or to show: the handshake says so
    if (origin.options.ca_file.empty()) {
      origin.tls->set_default_verify_paths(ignored);
    } else {
      origin.tls->load_verify_file(origin.options.ca_file, ignored);
    }
    if (!origin.options.certificate_file.empty()) {
      origin.tls->use_certificate_chain_file(origin.options.certificate_file, ignored);
      origin.tls->use_private_key_file(origin.options.key_file, asio::ssl::context::pem, ignored);
    }
  }
}

HttpClient::~HttpClient() { close(); }

const HttpUrl& HttpClient::url() const { return state_->origin->url; }

size_t HttpClient::context_index(const Executor& executor) {
  asio::io_context* context = &executor.context();
  State& state = *state_;
  const size_t known = state.count.load(std::memory_order_acquire);
  for (size_t i = 0; i < known; ++i) {
    if (state.contexts[i].load(std::memory_order_relaxed) == context) {
      return i;
    }
  }
  const std::lock_guard lock(state.mutex);
  const size_t count = state.count.load(std::memory_order_relaxed);
  for (size_t i = known; i < count; ++i) {
    if (state.contexts[i].load(std::memory_order_relaxed) == context) {
      return i;
    }
  }
  CHECK(count < kMaxContexts, "more io_contexts than an HTTP client can serve");
  state.pools[count] = std::make_shared<HttpPool>(executor, state.origin);
  state.contexts[count].store(context, std::memory_order_relaxed);
  state.count.store(count + 1, std::memory_order_release);
  return count;
}

Task<Result<HttpResponse>> HttpClient::request(const HttpRequest& request) {
  const bool plain =
      !state_->origin->options.token || request.head.find("\r\nAuthorization: ") != std::string_view::npos;
  return plain ? send(request) : send_authorized(request);
}

Task<Result<HttpResponse>> HttpClient::send_authorized(const HttpRequest& request) {
  const std::shared_ptr<State> state = state_;
  const HttpClientOptions& options = state->origin->options;
  for (int attempt = 0;; ++attempt) {
    const Result<std::string> token = co_await options.token();
    if (!token) {
      co_return token.error();
    }
    const std::string head =
        std::string(request.head) + (token->empty() ? "" : "Authorization: Bearer " + *token + "\r\n");
    HttpRequest with = request;
    with.head = head;
    Result<HttpResponse> response = co_await send(with);
    if (!response || response->status != 401 || token->empty() || attempt > 0) {
      co_return response;
    }
    options.refused(*token);
    const Result<std::string> next = co_await options.token();
    if (!next || *next == *token) {
      co_return response;
    }
  }
}

Task<Result<HttpResponse>> HttpClient::send(const HttpRequest& request) {
  const std::shared_ptr<HttpPool> pool = state_->pools[context_index(co_await asio::this_coro::executor)];
  if (state_->closed.load(std::memory_order_relaxed)) {
    co_return error(asio::error::operation_aborted, "the client is closed");
  }
  const int64_t deadline_ms = request.timeout_ms == 0 ? 0 : steady_ms() + request.timeout_ms;
  for (int attempt = 0;; ++attempt) {
    FreshConnection fresh{pool->take_idle(), true};
    if (!fresh.lease) {
      auto opened = co_await open_connection(pool, deadline_ms);
      if (!opened) {
        co_return opened.error();
      }
      fresh = std::move(*opened);
    }
    Guard guard(pool, std::move(fresh.lease));
    guard->deadline_ms = deadline_ms;
    guard->paused = request.paused;
    guard->paused_since_ms = 0;
    HttpResponse response;
    auto done = co_await exchange(*pool, *guard, request, response);
    if (done) {
      settle(pool, guard.release());
      co_return response;
    }
    const error_code& code = done.error().code;
    const bool stale = fresh.pooled && !guard->got_bytes && code != asio::error::timed_out &&
                       code != asio::error::operation_aborted;
    const bool repeatable = request.repeatable || !request.has_body;
    if (!stale || !repeatable || attempt > 0) {
      co_return done.error();
    }
  }
}

void HttpClient::close() {
  state_->closed.store(true);
  const std::lock_guard lock(state_->mutex);
  for (size_t i = 0; i < state_->count.load(); ++i) {
    const std::shared_ptr<HttpPool> pool = state_->pools[i];
    asio::post(pool->executor, [pool] { pool->close_all(); });
  }
}

}  // namespace catalyst::mcp
