#include "runtime/mcp/stdio_pool.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include "runtime/mcp/clock.h"

namespace catalyst::mcp {

/// One process and the sessions that its principal has with it.
struct StdioPool::Process {
  std::shared_ptr<StdioUpstream> upstream;
  std::vector<std::weak_ptr<Session>> sessions;  // under the pool's mutex
  int64_t unused_since_ms = 0;
};

class StdioPool::Session final : public UpstreamSession {
 public:
  Session(std::shared_ptr<Process> process, ClientTerms terms)
      : process_(std::move(process)), terms_(std::move(terms)) {}
  [[nodiscard]] StdioUpstream* upstream() const {
    return process_ == nullptr ? nullptr : process_->upstream.get();
  }
  [[nodiscard]] const ClientTerms& terms() const { return terms_; }
  void listen() override {}  // everything on standard output is heard anyway
  void end() override {}     // the process goes when its principal has none left

 private:
  const std::shared_ptr<Process> process_;  // nullptr: too many
  const ClientTerms terms_;
};

StdioPool::StdioPool(Executor home, StdioUpstreamOptions options, StdioPoolOptions limits)
    : home_(std::move(home)),
      options_(std::move(options)),
      limits_(limits),
      first_(std::make_shared<StdioUpstream>(home_, options_)) {}

StdioPool::~StdioPool() = default;

void StdioPool::start(UpstreamEvent on_event) {
  // The first process belongs to nobody until a principal comes; what it says is the gateway's, too.
  first_process_ = std::make_shared<Process>();
  first_process_->upstream = first_;
  first_->on_renewed([weak = weak_from_this()] {
    if (const std::shared_ptr<StdioPool> self = weak.lock()) {
      self->renewed(self->first_process_);
    }
  });
  first_->start([weak = weak_from_this(), on_event](std::string_view method, std::string_view message) {
    const std::shared_ptr<StdioPool> self = weak.lock();
    const std::shared_ptr<const UpstreamInfo> info = self == nullptr ? nullptr : self->first_->info();
    if (info == nullptr || info->era == Era::Modern || method.ends_with("/list_changed")) {
      on_event(method, message);
    }
    if (self != nullptr) {
      self->on_event(self->first_process_, method, message);
    }
  });
}

std::vector<std::shared_ptr<StdioPool::Session>> StdioPool::sessions_of(
    const std::shared_ptr<Process>& process) {
  std::vector<std::shared_ptr<Session>> sessions;
  const std::lock_guard lock(mutex_);
  for (const std::weak_ptr<Session>& weak : process->sessions) {
    if (std::shared_ptr<Session> session = weak.lock()) {
      sessions.push_back(std::move(session));
    }
  }
  return sessions;
}

void StdioPool::renewed(const std::shared_ptr<Process>& process) {
  for (const std::shared_ptr<Session>& session : sessions_of(process)) {
    session->terms().on_renewed();
  }
}

void StdioPool::on_event(const std::shared_ptr<Process>& process, std::string_view method,
                         std::string_view message) {
  for (const std::shared_ptr<Session>& session : sessions_of(process)) {
    session->terms().on_event(method, message);
  }
}

std::shared_ptr<UpstreamSession> StdioPool::open(ClientTerms terms) {
  const std::shared_ptr<const UpstreamInfo> info = first_->info();
  if (info != nullptr && info->era == Era::Modern) {
    return nullptr;
  }
  const std::lock_guard lock(mutex_);
  sweep_locked(steady_ms());
  std::shared_ptr<Process> process;
  if (const auto found = processes_.find(terms.principal_id); found != processes_.end()) {
    process = found->second;
  } else if (!std::exchange(first_taken_, true)) {
    process = first_process_;
    processes_.emplace(terms.principal_id, process);
  } else if (!stopped_ && processes_.size() <= limits_.processes) {
    process = std::make_shared<Process>();
    StdioUpstreamOptions options = options_;
    options.era = Era::Legacy;  // the first one found out
    process->upstream = std::make_shared<StdioUpstream>(home_, std::move(options));
    processes_.emplace(terms.principal_id, process);
    process->upstream->on_renewed([weak = weak_from_this(), of = std::weak_ptr(process)] {
      const std::shared_ptr<StdioPool> self = weak.lock();
      const std::shared_ptr<Process> alive = of.lock();
      if (self != nullptr && alive != nullptr) {
        self->renewed(alive);
      }
    });
    process->upstream->start([weak = weak_from_this(), of = std::weak_ptr(process)](
                                 std::string_view method, std::string_view message) {
      const std::shared_ptr<StdioPool> self = weak.lock();
      const std::shared_ptr<Process> alive = of.lock();
      if (self != nullptr && alive != nullptr) {
        self->on_event(alive, method, message);
      }
    });
  }
  const auto session = std::make_shared<Session>(process, std::move(terms));
  if (process != nullptr) {
    std::erase_if(process->sessions, [](const std::weak_ptr<Session>& weak) { return weak.expired(); });
    process->sessions.push_back(session);
    process->unused_since_ms = 0;
  }
  return session;
}

void StdioPool::sweep_locked(int64_t now_ms) {
  for (auto it = processes_.begin(); it != processes_.end();) {
    Process& process = *it->second;
    const bool held = std::any_of(process.sessions.begin(), process.sessions.end(),
                                  [](const std::weak_ptr<Session>& weak) { return !weak.expired(); });
    process.unused_since_ms = held ? 0 : process.unused_since_ms == 0 ? now_ms : process.unused_since_ms;
    const bool over =
        !held && process.upstream != first_ && now_ms - process.unused_since_ms >= limits_.idle_ms;
    if (!over) {
      ++it;
      continue;
    }
    asio::co_spawn(home_, process.upstream->stop(), [keep = process.upstream](const std::exception_ptr&) {});
    it = processes_.erase(it);
  }
}

Task<Result<UpstreamReply>> StdioPool::call(const UpstreamCall& call) {
  StdioUpstream* upstream = first_.get();
  if (call.session != nullptr) {
    upstream = static_cast<Session*>(call.session)->upstream();
    if (upstream == nullptr) {
      co_return error(asio::error::try_again, name() + ": too many principals have a process of this server");
    }
  }
  co_return co_await upstream->call(call);
}

Task<Result<void>> StdioPool::notify(std::string_view method, std::string_view params,
                                     UpstreamSession* session) {
  StdioUpstream* const upstream =
      session == nullptr ? first_.get() : static_cast<Session*>(session)->upstream();
  if (upstream == nullptr) {
    co_return error(name() + ": too many principals have a process of this server");
  }
  co_return co_await upstream->notify(method, params, nullptr);
}

Task<void> StdioPool::stop() {
  std::vector<std::shared_ptr<StdioUpstream>> all{first_};
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (const auto& [principal, process] : processes_) {
      if (process->upstream != first_) {
        all.push_back(process->upstream);
      }
    }
  }
  // All at once, like the router does with its upstreams.
  const auto left = std::make_shared<std::atomic<size_t>>(all.size());
  for (const std::shared_ptr<StdioUpstream>& upstream : all) {
    asio::co_spawn(home_, upstream->stop(), [left, upstream](const std::exception_ptr&) { --*left; });
  }
  SteadyTimer timer(co_await asio::this_coro::executor);
  while (*left > 0) {
    timer.expires_after(std::chrono::milliseconds(5));
    co_await timer.async_wait(use_awaitable);
  }
}

}  // namespace catalyst::mcp
