// The life of a connection on its home executor: open, greet, supervise, open again, end.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <utility>

#include "runtime/mcp/asking.h"
#include "runtime/mcp/backoff.h"
#include "runtime/mcp/duplex_upstream.h"
#include "runtime/mcp/envelope.h"

namespace catalyst::mcp {

using boost::system::error_code;

void DuplexUpstream::start(UpstreamEvent on_event) {
  readiness_.set(UpstreamState::Starting);
  asio::post(home_, [self = shared_from_this(), on_event = std::move(on_event)]() mutable {
    self->on_event_ = std::move(on_event);
    asio::co_spawn(self->home_, self->run(),
                   [self](const std::exception_ptr&) { self->readiness_.set(UpstreamState::Stopped); });
  });
}

Task<void> DuplexUpstream::pause(int64_t ms) {
  timer_.expires_after(std::chrono::milliseconds(ms));
  error_code ec;
  co_await timer_.async_wait(asio::redirect_error(use_awaitable, ec));
}

Error DuplexUpstream::ended() const {
  return error(asio::error::connection_reset, options_.name + ": " + std::string(link_->what()) + " ended");
}

Task<void> DuplexUpstream::run() {
  Backoff backoff(options_.backoff_min_ms, options_.backoff_max_ms);
  bool probe = options_.era != Era::Legacy;
  while (!stopping_) {
    // The link is buried before this object ends, and its callbacks with it.
    DuplexEvents events{options_.max_message_bytes, options_.max_queued_bytes, {}, {}, {}, {}};
    events.on_message = [this](std::string_view text) { take_message(text); };
    events.on_oversize = [this](size_t bytes) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      options_.log(options_.name + ": dropped a message of " + std::to_string(bytes) +
                   " bytes, more than allowed");
    };
    events.on_undelivered = [this](std::string_view message, const Error& why) {
      fail_undelivered(message, why);
    };
    events.on_end = [this] {
      if (link_ != nullptr) {
        generation_.store(0, std::memory_order_release);
        fail_all(ended());
        timer_.cancel();
      }
    };
    Error failure;
    bool again_at_once = false;
    const auto began = std::chrono::steady_clock::now();
    auto link = co_await options_.connect(home_, std::move(events));
    if (!link) {
      failure = link.error();
    } else {
      link_ = std::move(*link);
      ++connected_;
      auto info = co_await greet(probe, again_at_once);
      probe = options_.era != Era::Legacy && !again_at_once;
      if (info && !stopping_) {
        era_.store(info->era, std::memory_order_relaxed);
        generation_.store(connected_, std::memory_order_release);
        readiness_.publish(std::make_shared<const UpstreamInfo>(std::move(*info)));
        if (std::exchange(was_ready_, true)) {
          Readiness::announce_changes(on_event_);
          on_renewed_();
        }
        co_await live();
      } else if (!info) {
        failure = info.error();
      }
      generation_.store(0, std::memory_order_release);
      if (!stopping_ && !again_at_once) {
        readiness_.set(UpstreamState::Backoff);
      }
      const std::string what(link_->what());
      const std::string ending = co_await bury();
      failure.context = what + " " + ending + (failure.context.empty() ? "" : " (" + failure.context + ")");
    }
    if (stopping_ || again_at_once) {
      continue;
    }
    if (std::chrono::steady_clock::now() - began >= std::chrono::milliseconds(options_.healthy_ms)) {
      backoff.reset();
    }
    const int64_t wait_ms = backoff.next_ms();
    readiness_.fail(failure.message(), UpstreamState::Backoff);
    options_.log(options_.name + ": " + failure.message() + "; restarting in " + std::to_string(wait_ms) +
                 " ms");
    co_await pause(wait_ms);
    if (!stopping_) {
      readiness_.set(UpstreamState::Starting);
    }
  }
  readiness_.set(UpstreamState::Stopped);
}

/// Finds out the era. `probe_ended_it`: the server did not survive the question, ask the next one the old
/// way.
Task<Result<UpstreamInfo>> DuplexUpstream::greet(bool probe, bool& probe_ended_it) {
  if (probe) {
    const uint64_t id = next_id_.fetch_add(1, std::memory_order_relaxed);
    const auto reply = co_await ask(greeting_request(id, Era::Modern, options_.identity, kAllCapabilities),
                                    id, options_.probe_timeout_ms, 0, nullptr);
    if (reply && !reply->is_error) {
      if (auto info = read_greeting(reply->payload, Era::Modern); info || options_.era == Era::Modern) {
        co_return info;
      }
    }
    if (options_.era == Era::Modern) {
      co_return reply ? error("server/discover: " + printable(reply->payload, 300))
                      : add_context(reply.error(), "server/discover");
    }
    if (link_->ended()) {
      probe_ended_it = !stopping_;
      co_return error("the server ended on server/discover");
    }
  }
  const uint64_t id = next_id_.fetch_add(1, std::memory_order_relaxed);
  const auto reply = co_await ask(greeting_request(id, Era::Legacy, options_.identity, kAllCapabilities), id,
                                  options_.greeting_timeout_ms, 0, nullptr);
  if (!reply) {
    co_return add_context(reply.error(), "initialize");
  }
  if (reply->is_error) {
    co_return error("initialize: " + printable(reply->payload, 300));
  }
  auto info = read_greeting(reply->payload, Era::Legacy);
  if (info) {
    link_->write(notification_message("notifications/initialized", {}));
  }
  co_return info;
}

/// Until the connection ends or stop() is called.
Task<void> DuplexUpstream::live() {
  listening_ = 0;
  if (readiness_.info()->era == Era::Modern) {
    listen();
  }
  while (!stopping_ && !link_->ended()) {
    timer_.expires_at(SteadyTimer::time_point::max());
    error_code ec;
    co_await timer_.async_wait(asio::redirect_error(use_awaitable, ec));
  }
}

/// Subscribes to what changes, in place of the subscription before. Its answer comes when it ends; nobody
/// waits for it.
void DuplexUpstream::listen() {
  const uint64_t before = listening_;
  const std::string params = listen_params(watched_);
  UpstreamCall call;
  call.method = "subscriptions/listen";
  call.params = params;
  listening_ = next_id_.fetch_add(1, std::memory_order_relaxed);
  std::string text;
  append_request(text, listening_, call, Era::Modern, options_.identity);
  link_->write(text);
  if (before != 0) {
    link_->write(cancelled_notification(before));
  }
}

void DuplexUpstream::watch(std::vector<std::string> uris) {
  asio::post(home_, [self = shared_from_this(), uris = std::move(uris)]() mutable {
    self->watched_ = std::move(uris);
    if (self->listening_ != 0 && self->link_) {
      self->listen();
    }
  });
}

Task<std::string> DuplexUpstream::bury() {
  const std::string ending = co_await link_->bury();
  listening_ = 0;
  fail_all(ended());
  link_.reset();
  co_return ending;
}

Task<void> DuplexUpstream::stop() {
  const std::shared_ptr<DuplexUpstream> self = shared_from_this();
  stopping_ = true;
  asio::post(home_, [self] {
    self->fail_all(error(asio::error::operation_aborted, self->options_.name + " is being stopped"));
    self->timer_.cancel();
  });
  SteadyTimer timer(co_await asio::this_coro::executor);
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.stop_timeout_ms);
  while (state() != UpstreamState::Stopped && std::chrono::steady_clock::now() < deadline) {
    timer.expires_after(std::chrono::milliseconds(5));
    co_await timer.async_wait(use_awaitable);
  }
}

}  // namespace catalyst::mcp
