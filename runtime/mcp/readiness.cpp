#include "runtime/mcp/readiness.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>

namespace catalyst::mcp {

using boost::system::error_code;

std::string Readiness::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

std::shared_ptr<const UpstreamInfo> Readiness::info() const {
  const std::lock_guard lock(mutex_);
  return info_;
}

void Readiness::publish(std::shared_ptr<const UpstreamInfo> info) {
  {
    const std::lock_guard lock(mutex_);
    info_ = std::move(info);
    last_error_.clear();
  }
  set(UpstreamState::Ready);
}

void Readiness::fail(std::string text, UpstreamState state) {
  {
    const std::lock_guard lock(mutex_);
    last_error_ = std::move(text);
  }
  set(state);
}

void Readiness::announce_changes(const UpstreamEvent& on_event) {
  if (!on_event) {
    return;
  }
  for (const std::string_view method :
       {"notifications/tools/list_changed", "notifications/prompts/list_changed",
        "notifications/resources/list_changed"}) {
    on_event(method, R"({"jsonrpc":"2.0","method":")" + std::string(method) + "\"}");
  }
}

Error Readiness::refusal() const {
  const std::string reason = last_error();
  return error(asio::error::not_connected, name_ + (reason.empty() ? " is not ready" : ": " + reason));
}

/// Polls: a waiter may be on any context, and waits only while an upstream starts.
Task<Result<std::shared_ptr<const UpstreamInfo>>> Readiness::wait(int64_t timeout_ms) const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  SteadyTimer timer(co_await asio::this_coro::executor);
  auto pause = std::chrono::milliseconds(1);
  for (;;) {
    const UpstreamState now = state();
    if (now == UpstreamState::Ready) {
      co_return info();
    }
    if (now == UpstreamState::Stopped) {
      co_return refusal();
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      Error late = refusal();
      late.code = asio::error::timed_out;
      co_return late;
    }
    timer.expires_after(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(50));
    error_code ec;
    co_await timer.async_wait(asio::redirect_error(use_awaitable, ec));
    if (ec) {
      co_return error(ec, name_);
    }
  }
}

}  // namespace catalyst::mcp
