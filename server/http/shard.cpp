#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <chrono>
#include <ctime>
#include <random>

#include "runtime/base/clock.h"
#include "server/http/connection.h"

namespace catalyst::server {

using boost::system::error_code;

namespace {

std::string date_line_of(std::time_t now) {
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 64> text{};
  const size_t length =
      std::strftime(text.data(), text.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
  return {text.data(), length};
}

uint64_t random_start() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

/// Out of file descriptors: accepting again at once would spin.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

}  // namespace

Shard::Shard(asio::io_context& io, std::shared_ptr<ServerConfig> shared_config)
    : context(io),
      sends(SendQueue::of(io)),
      config(std::move(shared_config)),
      timer_(io),
      accept_pause_(io),
      next_id_(random_start()) {
  refresh_clock();
}

void Shard::refresh_clock() {
  now_ms = steady_ms();
  date_line = date_line_of(std::time(nullptr));
}

std::string_view Shard::mint_request_id(std::array<char, 16>& storage) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  // An odd multiplier permutes the 64-bit numbers: distinct ids that do not look like a counter.
  uint64_t id = next_id_++ * 0x9E3779B97F4A7C15ULL;
  for (char& digit : storage) {
    digit = kDigits[id & 0xf];
    id >>= 4;
  }
  return {storage.data(), storage.size()};
}

void Shard::start(TcpAcceptor acceptor) {
  acceptor_.emplace(std::move(acceptor));
  accept();
}

void Shard::accept() {
  if (!acceptor_ || draining) {
    return;
  }
  acceptor_->async_accept(context, peer_,
                          [self = shared_from_this()](const error_code& ec, TcpSocket socket) {
                            if (self->draining || ec == asio::error::operation_aborted) {
                              return;
                            }
                            if (!ec) {
                              self->on_accepted(std::move(socket), self->peer_);
                            } else if (ec == asio::error::no_descriptors || ec == asio::error::no_memory ||
                                       ec == asio::error::no_buffer_space) {
                              self->accept_pause_.expires_after(kAcceptPause);
                              self->accept_pause_.async_wait([self](const error_code&) { self->accept(); });
                              return;
                            }
                            self->accept();
                          });
}

void Shard::on_accepted(TcpSocket socket, const asio::ip::tcp::endpoint& peer) {
  if (config->connections.load(std::memory_order_relaxed) >= config->options.max_connections) {
    config->count(Refusal::TooManyConnections);
    error_code ignored;
    socket.non_blocking(true, ignored);
    constexpr std::string_view kBusy =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: "
        "close\r\n\r\n";
    socket.write_some(asio::buffer(kBusy.data(), kBusy.size()), ignored);
    return;
  }
  if (!ticking_) {
    refresh_clock();
  }
  auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket), peer);
  add(connection);
  connection->start();
  arm_tick();
}

void Shard::add(std::shared_ptr<Connection> connection) {
  connection->shard_index = connections_.size();
  connections_.push_back(std::move(connection));
}

void Shard::remove(Connection& connection) {
  const size_t index = connection.shard_index;
  if (index >= connections_.size() || connections_[index].get() != &connection) {
    return;
  }
  const std::shared_ptr<Connection> keep = std::move(connections_[index]);
  if (index + 1 != connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->shard_index = index;
  }
  connections_.pop_back();
}

void Shard::arm_tick() {
  if (ticking_) {
    return;
  }
  ticking_ = true;
  timer_.expires_after(std::chrono::milliseconds(config->options.tick_ms));
  timer_.async_wait([self = shared_from_this()](const error_code& ec) {
    self->ticking_ = false;
    if (!ec) {
      self->tick();
    }
  });
}

void Shard::tick() {
  refresh_clock();
  // Backwards, because a connection that closes swaps the last one into its place.
  for (size_t i = connections_.size(); i-- > 0;) {
    if (i < connections_.size()) {
      const std::shared_ptr<Connection> keep = connections_[i];
      keep->tick(now_ms);
    }
  }
  if (!connections_.empty()) {
    arm_tick();
  }
}

void Shard::begin_drain() {
  draining = true;
  if (acceptor_) {
    error_code ignored;
    acceptor_->close(ignored);
    acceptor_.reset();
  }
  accept_pause_.cancel();
  for (const auto& connection : std::vector(connections_)) {
    connection->begin_drain();
  }
}

void Shard::abort_all() {
  for (const auto& connection : std::vector(connections_)) {
    connection->abort();
  }
}

void Shard::release() {
  draining = true;
  acceptor_.reset();
  timer_.cancel();
  accept_pause_.cancel();
  connections_.clear();
}

}  // namespace catalyst::server
