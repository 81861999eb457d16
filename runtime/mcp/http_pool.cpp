#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <cerrno>
#include <chrono>

#include "runtime/base/clock.h"
#include "runtime/mcp/http_connection.h"

namespace catalyst::mcp {

using boost::system::error_code;

namespace {
constexpr auto kFastTick = std::chrono::milliseconds(100);
constexpr auto kSlowTick = std::chrono::seconds(5);
/// After this many ticks without traffic the slow tick takes over: it only closes idle connections.
constexpr int kQuietTicks = 10;

/// Whether nothing has come since the last answer. A closed connection has its end to read, one of TLS an
/// alert before it, and bytes that nobody asked for would be taken for the next answer.
bool is_quiet(HttpConnection& connection) {
  char byte = 0;
  return ::recv(connection.socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
         (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}
}  // namespace

HttpPool::HttpPool(Executor pool_executor, std::shared_ptr<HttpOrigin> pool_origin)
    : executor(std::move(pool_executor)),
      sends(SendQueue::of(executor.context())),
      origin(std::move(pool_origin)),
      timer_(executor) {}

HttpPool::Lease HttpPool::take_idle() {
  while (!idle_.empty()) {
    Lease connection = std::move(idle_.back());  // the one used last is the least likely to be closed
    idle_.pop_back();
    if (steady_ms() - connection->idle_since_ms < origin->options.trusted_ms || is_quiet(*connection)) {
      connection->begin = connection->end = 0;
      return connection;
    }
    discard(std::move(connection));
  }
  return nullptr;
}

Task<Result<void>> HttpPool::reserve(int64_t deadline_ms) {
  while (places_ >= origin->options.max_connections && idle_.empty()) {
    if (waiting_.size() >= origin->options.max_waiting) {
      co_return error(asio::error::try_again, "too many requests wait for " + origin->url.authority);
    }
    SteadyTimer timer(executor);
    if (deadline_ms == 0) {
      timer.expires_at(SteadyTimer::time_point::max());
    } else {
      timer.expires_after(std::chrono::milliseconds(std::max<int64_t>(0, deadline_ms - steady_ms())));
    }
    struct Place {
      std::deque<SteadyTimer*>& queue;
      SteadyTimer* timer;
      ~Place() { std::erase(queue, timer); }
    };
    waiting_.push_back(&timer);
    const Place place{waiting_, &timer};
    error_code ec;
    co_await timer.async_wait(asio::redirect_error(use_awaitable, ec));
    if (!ec) {
      co_return error(asio::error::timed_out, "waiting for a connection to " + origin->url.authority);
    }
    if (std::find(waiting_.begin(), waiting_.end(), &timer) != waiting_.end() || closed) {
      co_return error(asio::error::operation_aborted, "waiting for a connection to " + origin->url.authority);
    }
  }
  ++places_;
  co_return Result<void>{};
}

/// Wakes the longest waiting request, by taking it off the queue.
void HttpPool::release_place() {
  --places_;
  if (!waiting_.empty()) {
    SteadyTimer* first = waiting_.front();
    waiting_.pop_front();
    first->cancel();
  }
}

void HttpPool::give_back(Lease connection) {
  if (closed) {
    discard(std::move(connection));
    return;
  }
  if (connection->in.size() > 64 * 1024) {
    std::vector<char>(16 * 1024).swap(connection->in);
  }
  connection->deadline_ms = 0;
  connection->paused.reset();
  connection->idle_since_ms = steady_ms();
  connection->reader.forget_caller();
  idle_.push_back(std::move(connection));
  if (!waiting_.empty()) {
    SteadyTimer* first = waiting_.front();
    waiting_.pop_front();
    first->cancel();
  }
}

void HttpPool::discard(Lease connection) {
  error_code ignored;
  connection->socket.close(ignored);
  connection.reset();
  release_place();
}

void HttpPool::watch(HttpConnection& connection) {
  active_.push_back(&connection);
  quiet_ticks_ = 0;
  if (!armed_ || !fast_) {
    arm(true);
  }
}

void HttpPool::unwatch(HttpConnection& connection) {
  const auto it = std::find(active_.rbegin(), active_.rend(), &connection);
  if (it != active_.rend()) {
    *it = active_.back();
    active_.pop_back();
  }
}

void HttpPool::arm(bool fast) {
  armed_ = true;
  fast_ = fast;
  if (fast) {
    timer_.expires_after(kFastTick);
  } else {
    timer_.expires_after(kSlowTick);
  }
  timer_.async_wait([pool = weak_from_this()](const error_code& ec) {
    const auto self = pool.lock();
    if (!ec && self) {
      self->tick();
    }
  });
}

/// Somebody else is waited for: the time until the next tick does not count.
void HttpPool::extend_deadline(HttpConnection& connection, int64_t now) {
  const bool paused = connection.paused->load(std::memory_order_relaxed) > 0;
  if (paused && connection.paused_since_ms != 0 && connection.deadline_ms != 0) {
    connection.deadline_ms += now - connection.paused_since_ms;
  }
  connection.paused_since_ms = paused ? now : 0;
}

void HttpPool::tick() {
  armed_ = false;
  const int64_t now = steady_ms();
  for (HttpConnection* connection : active_) {
    if (connection->paused != nullptr) {
      extend_deadline(*connection, now);
    }
    if (connection->deadline_ms != 0 && now >= connection->deadline_ms && !connection->timed_out) {
      connection->timed_out = true;
      error_code ignored;
      connection->socket.close(ignored);
      if (connection->resolver) {
        connection->resolver->cancel();
      }
    }
  }
  const auto expired = [&](const Lease& connection) {
    return now - connection->idle_since_ms >= origin->options.idle_timeout_ms;
  };
  const size_t before = idle_.size();
  std::erase_if(idle_, expired);
  places_ -= before - idle_.size();
  quiet_ticks_ = active_.empty() ? quiet_ticks_ + 1 : 0;
  if (!active_.empty() || !idle_.empty()) {
    arm(quiet_ticks_ < kQuietTicks);
  }
}

void HttpPool::close_all() {
  closed = true;
  places_ -= idle_.size();
  idle_.clear();
  for (HttpConnection* connection : active_) {
    error_code ignored;
    connection->socket.close(ignored);
    if (connection->resolver) {
      connection->resolver->cancel();
    }
  }
  for (SteadyTimer* timer : waiting_) {
    timer->cancel();
  }
  timer_.cancel();
}

}  // namespace catalyst::mcp
