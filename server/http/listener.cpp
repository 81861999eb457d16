#include "server/http/listener.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>

#include "runtime/base/check.h"
#include "server/http/connection.h"

namespace catalyst::server {

using boost::system::error_code;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

namespace {

constexpr auto kDrainPoll = std::chrono::milliseconds(10);

Result<asio::ip::tcp::endpoint> resolve(asio::io_context& context, const HttpOptions& options) {
  error_code ec;
  const auto address = asio::ip::make_address(options.address, ec);
  if (!ec) {
    return asio::ip::tcp::endpoint(address, options.port);
  }
  asio::ip::tcp::resolver resolver(context);
  const auto found = resolver.resolve(options.address, std::to_string(options.port), ec);
  if (ec || found.empty()) {
    return error(ec, "listen address " + options.address);
  }
  return found.begin()->endpoint();
}

Result<TcpAcceptor> open(asio::io_context& context, const asio::ip::tcp::endpoint& endpoint) {
  TcpAcceptor acceptor(context);
  error_code ec;
  const auto step = [&ec](auto&& action) {
    if (!ec) {
      action();
    }
  };
  step([&] { acceptor.open(endpoint.protocol(), ec); });
  step([&] { acceptor.set_option(asio::socket_base::reuse_address(true), ec); });
  step([&] { acceptor.set_option(ReusePort(true), ec); });
  step([&] { acceptor.bind(endpoint, ec); });
  step([&] { acceptor.listen(asio::socket_base::max_listen_connections, ec); });
  if (ec) {
    return error(
        ec, "listening on " + endpoint.address().to_string() + " port " + std::to_string(endpoint.port()));
  }
  return acceptor;
}

/// SO_REUSEPORT alone would silently share a port with another engine of the same user: bind once without it
/// first.
Result<void> probe_free(asio::io_context& context, const asio::ip::tcp::endpoint& endpoint) {
  if (endpoint.port() == 0) {
    return {};
  }
  TcpAcceptor acceptor(context);
  error_code ec;
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) {
    acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  }
  if (!ec) {
    acceptor.bind(endpoint, ec);
  }
  if (ec) {
    return error(
        ec, "listening on " + endpoint.address().to_string() + " port " + std::to_string(endpoint.port()));
  }
  return {};
}

}  // namespace

struct Listener::State {
  IoPool& pool;
  std::shared_ptr<ServerConfig> config;
  std::vector<std::shared_ptr<Shard>> shards;
  uint16_t port = 0;
};

Listener::Listener(IoPool& pool, HttpOptions options, Handler handler, Authenticator* authenticator,
                   std::shared_ptr<TlsContext> tls)
    : state_(std::make_shared<State>(State{pool, std::make_shared<ServerConfig>(), {}, 0})) {
  CHECK(handler != nullptr, "a listener needs a handler");
  state_->config->options = std::move(options);
  state_->config->handler = std::move(handler);
  state_->config->authenticator = authenticator;
  state_->config->tls = std::move(tls);
}

Listener::~Listener() {
  for (const auto& shard : state_->shards) {
    shard->release();
  }
}

Result<void> Listener::start() {
  CHECK(state_->shards.empty(), "started once");
  auto endpoint = resolve(state_->pool.context(0), state_->config->options);
  if (!endpoint) {
    return endpoint.error();
  }
  if (auto free = probe_free(state_->pool.context(0), *endpoint); !free) {
    return free.error();
  }
  std::vector<TcpAcceptor> acceptors;
  for (size_t i = 0; i < state_->pool.size(); ++i) {
    auto acceptor = open(state_->pool.context(i), *endpoint);
    if (!acceptor) {
      return acceptor.error();
    }
    error_code ec;
    endpoint->port(acceptor->local_endpoint(ec).port());
    acceptors.push_back(std::move(*acceptor));
  }
  state_->port = endpoint->port();
  for (size_t i = 0; i < acceptors.size(); ++i) {
    auto shard = std::make_shared<Shard>(state_->pool.context(i), state_->config);
    state_->shards.push_back(shard);
    asio::post(shard->context,
               [shard, acceptor = std::move(acceptors[i])]() mutable { shard->start(std::move(acceptor)); });
  }
  return {};
}

uint16_t Listener::port() const { return state_->port; }

size_t Listener::connections() const { return state_->config->connections.load(std::memory_order_relaxed); }

uint64_t Listener::refused(Refusal reason) const {
  return state_->config->refused[static_cast<size_t>(reason)].load(std::memory_order_relaxed);
}

Task<void> Listener::drain(int64_t deadline_ms) {
  const std::shared_ptr<State> state = state_;
  for (const auto& shard : state->shards) {
    asio::post(shard->context, [shard] { shard->begin_drain(); });
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(deadline_ms);
  SteadyTimer timer(co_await asio::this_coro::executor);
  const auto pause = [&timer] {
    timer.expires_after(kDrainPoll);
    return timer.async_wait(use_awaitable);
  };
  while (state->config->connections.load() > 0 && std::chrono::steady_clock::now() < deadline) {
    co_await pause();
  }
  if (state->config->connections.load() > 0) {
    for (const auto& shard : state->shards) {
      asio::post(shard->context, [shard] { shard->abort_all(); });
    }
    for (int polls = 0; polls < 50 && state->config->connections.load() > 0; ++polls) {
      co_await pause();
    }
  }
}

}  // namespace catalyst::server
