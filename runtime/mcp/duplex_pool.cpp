#include "runtime/mcp/duplex_pool.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include "runtime/base/clock.h"

namespace catalyst::mcp {

/// One connection and the sessions that its principal has with it.
struct DuplexPool::Connection {
  std::shared_ptr<DuplexUpstream> upstream;
  std::vector<std::weak_ptr<Session>> sessions;  // under the pool's mutex
  int64_t unused_since_ms = 0;
};

class DuplexPool::Session final : public UpstreamSession {
 public:
  Session(std::shared_ptr<Connection> connection, ClientTerms terms)
      : connection_(std::move(connection)), terms_(std::move(terms)) {}
  [[nodiscard]] DuplexUpstream* upstream() const {
    return connection_ == nullptr ? nullptr : connection_->upstream.get();
  }
  [[nodiscard]] const ClientTerms& terms() const { return terms_; }
  void listen() override {}  // everything on the connection is heard anyway
  void end() override {}     // the connection goes when its principal has none left

 private:
  const std::shared_ptr<Connection> connection_;  // nullptr: too many
  const ClientTerms terms_;
};

DuplexPool::DuplexPool(Executor home, DuplexUpstreamOptions options, DuplexPoolOptions limits)
    : home_(std::move(home)),
      options_(std::move(options)),
      limits_(limits),
      first_(std::make_shared<DuplexUpstream>(home_, options_)) {}

DuplexPool::~DuplexPool() = default;

void DuplexPool::start(UpstreamEvent on_event) {
  // The first connection belongs to nobody until a principal comes; what it says is the gateway's, too.
  first_connection_ = std::make_shared<Connection>();
  first_connection_->upstream = first_;
  first_->on_renewed([weak = weak_from_this()] {
    if (const std::shared_ptr<DuplexPool> self = weak.lock()) {
      self->renewed(self->first_connection_);
    }
  });
  first_->start([weak = weak_from_this(), on_event](std::string_view method, std::string_view message) {
    const std::shared_ptr<DuplexPool> self = weak.lock();
    const std::shared_ptr<const UpstreamInfo> info = self == nullptr ? nullptr : self->first_->info();
    if (info == nullptr || info->era == Era::Modern || method.ends_with("/list_changed")) {
      on_event(method, message);
    }
    if (self != nullptr) {
      self->on_event(self->first_connection_, method, message);
    }
  });
}

uint64_t DuplexPool::dropped() const {
  uint64_t count = first_->dropped();
  const std::lock_guard lock(mutex_);
  for (const auto& [principal, connection] : connections_) {
    count += connection->upstream == first_ ? 0 : connection->upstream->dropped();
  }
  return count + dropped_before_;
}

std::vector<std::shared_ptr<DuplexPool::Session>> DuplexPool::sessions_of(
    const std::shared_ptr<Connection>& connection) {
  std::vector<std::shared_ptr<Session>> sessions;
  const std::lock_guard lock(mutex_);
  for (const std::weak_ptr<Session>& weak : connection->sessions) {
    if (std::shared_ptr<Session> session = weak.lock()) {
      sessions.push_back(std::move(session));
    }
  }
  return sessions;
}

void DuplexPool::renewed(const std::shared_ptr<Connection>& connection) {
  for (const std::shared_ptr<Session>& session : sessions_of(connection)) {
    session->terms().on_renewed();
  }
}

void DuplexPool::on_event(const std::shared_ptr<Connection>& connection, std::string_view method,
                          std::string_view message) {
  for (const std::shared_ptr<Session>& session : sessions_of(connection)) {
    session->terms().on_event(method, message);
  }
}

std::shared_ptr<UpstreamSession> DuplexPool::open(ClientTerms terms) {
  const std::shared_ptr<const UpstreamInfo> info = first_->info();
  if (info != nullptr && info->era == Era::Modern) {
    return nullptr;
  }
  const std::lock_guard lock(mutex_);
  sweep_locked(steady_ms());
  std::shared_ptr<Connection> connection;
  if (const auto found = connections_.find(terms.principal_id); found != connections_.end()) {
    connection = found->second;
  } else if (!std::exchange(first_taken_, true)) {
    connection = first_connection_;
    connections_.emplace(terms.principal_id, connection);
  } else if (!stopped_ && connections_.size() <= limits_.connections) {
    connection = std::make_shared<Connection>();
    DuplexUpstreamOptions options = options_;
    options.era = Era::Legacy;  // the first one found out
    connection->upstream = std::make_shared<DuplexUpstream>(home_, std::move(options));
    connections_.emplace(terms.principal_id, connection);
    connection->upstream->on_renewed([weak = weak_from_this(), of = std::weak_ptr(connection)] {
      const std::shared_ptr<DuplexPool> self = weak.lock();
      const std::shared_ptr<Connection> alive = of.lock();
      if (self != nullptr && alive != nullptr) {
        self->renewed(alive);
      }
    });
    connection->upstream->start([weak = weak_from_this(), of = std::weak_ptr(connection)](
                                    std::string_view method, std::string_view message) {
      const std::shared_ptr<DuplexPool> self = weak.lock();
      const std::shared_ptr<Connection> alive = of.lock();
      if (self != nullptr && alive != nullptr) {
        self->on_event(alive, method, message);
      }
    });
  }
  const auto session = std::make_shared<Session>(connection, std::move(terms));
  if (connection != nullptr) {
    std::erase_if(connection->sessions, [](const std::weak_ptr<Session>& weak) { return weak.expired(); });
    connection->sessions.push_back(session);
    connection->unused_since_ms = 0;
  }
  return session;
}

void DuplexPool::sweep_locked(int64_t now_ms) {
  for (auto it = connections_.begin(); it != connections_.end();) {
    Connection& connection = *it->second;
    const bool held = std::any_of(connection.sessions.begin(), connection.sessions.end(),
                                  [](const std::weak_ptr<Session>& weak) { return !weak.expired(); });
    connection.unused_since_ms = held                              ? 0
                                 : connection.unused_since_ms == 0 ? now_ms
                                                                   : connection.unused_since_ms;
    const bool over =
        !held && connection.upstream != first_ && now_ms - connection.unused_since_ms >= limits_.idle_ms;
    if (!over) {
      ++it;
      continue;
    }
    dropped_before_ += connection.upstream->dropped();
    asio::co_spawn(home_, connection.upstream->stop(),
                   [keep = connection.upstream](const std::exception_ptr&) {});
    it = connections_.erase(it);
  }
}

Task<Result<UpstreamReply>> DuplexPool::call(const UpstreamCall& call) {
  DuplexUpstream* upstream = first_.get();
  if (call.session != nullptr) {
    upstream = static_cast<Session*>(call.session)->upstream();
    if (upstream == nullptr) {
      co_return error(asio::error::try_again,
                      name() + ": too many principals have a connection of this server");
    }
  }
  co_return co_await upstream->call(call);
}

Task<Result<void>> DuplexPool::notify(std::string_view method, std::string_view params,
                                      UpstreamSession* session) {
  DuplexUpstream* const upstream =
      session == nullptr ? first_.get() : static_cast<Session*>(session)->upstream();
  if (upstream == nullptr) {
    co_return error(name() + ": too many principals have a connection of this server");
  }
  co_return co_await upstream->notify(method, params, nullptr);
}

Task<void> DuplexPool::stop() {
  std::vector<std::shared_ptr<DuplexUpstream>> all{first_};
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const auto& [principal, connection] : connections_) {
      if (connection->upstream != first_) {
        all.push_back(connection->upstream);
      }
    }
  }
  // All at once, like the router does with its upstreams.
  const auto left = std::make_shared<std::atomic<size_t>>(all.size());
  for (const std::shared_ptr<DuplexUpstream>& upstream : all) {
    asio::co_spawn(home_, upstream->stop(), [left, upstream](const std::exception_ptr&) { --*left; });
  }
  SteadyTimer timer(co_await asio::this_coro::executor);
  while (*left > 0) {
    timer.expires_after(std::chrono::milliseconds(5));
    co_await timer.async_wait(use_awaitable);
  }
}

}  // namespace catalyst::mcp
