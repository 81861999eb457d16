#include "runtime/mcp/duplex_upstream.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>

#include "runtime/base/clock.h"
#include "runtime/mcp/envelope.h"
#include "runtime/mcp/protocol.h"

namespace catalyst::mcp {

using boost::system::error_code;

namespace {

/// A suspended coroutine, type-erased (Boost 1.81's any_completion_handler recurses without end when it is
/// posted).
struct Waiter {
  virtual ~Waiter() = default;
  virtual void resume() = 0;
};
template <class CompletionHandler>
struct WaiterOf final : Waiter {
  explicit WaiterOf(CompletionHandler h) : handler(std::move(h)) {}
  void resume() override { std::move(handler)(); }
  CompletionHandler handler;
};

constexpr auto kDeadlineTick = std::chrono::milliseconds(100);
constexpr int64_t kGarbageLogs = 20;  // after that only the counter goes on
}  // namespace

/// One request between the caller's executor and home. What home needs is copied in before it is posted
/// there; the rest belongs to the caller's executor.
struct DuplexUpstream::Pending : std::enable_shared_from_this<Pending> {
  explicit Pending(Executor executor) : caller(std::move(executor)) {}

  // Immutable once posted.
  const Executor caller;
  std::string text;
  std::string progress_token;
  std::function<void(std::string)> on_notification;
  std::function<void(ServerRequest)> on_request;
  std::shared_ptr<const std::atomic<int>> unanswered;
  uint64_t id = 0;
  uint64_t generation = 0;

  // Home executor.
  int64_t deadline_ms = INT64_MAX;

  // Caller's executor.
  std::unique_ptr<Waiter> waiter;
  std::optional<Result<UpstreamReply>> result;
  bool abandoned = false;

  /// Suspends until wake() or cancellation.
  Task<void> wait() {
    return asio::async_initiate<decltype(use_awaitable), void()>(
        [this](auto handler) {
          auto slot = asio::get_associated_cancellation_slot(handler);
          waiter = std::make_unique<WaiterOf<std::decay_t<decltype(handler)>>>(std::move(handler));
          if (slot.is_connected()) {
            slot.assign([this](asio::cancellation_type) { wake(); });
          }
          if (result) {
            wake();
          }
        },
        use_awaitable);
  }
  void wake() {
    if (waiter) {
      asio::post(caller, [suspended = std::move(waiter)] { suspended->resume(); });
    }
  }

  // From home.
  void complete(Result<UpstreamReply> outcome) {
    asio::post(caller, [self = shared_from_this(), outcome = std::move(outcome)]() mutable {
      if (!self->result) {
        self->result = std::move(outcome);
        self->wake();
      }
    });
  }
  void notify(std::string message) {
    asio::post(caller, [self = shared_from_this(), message = std::move(message)]() mutable {
      // Behind an abandoned call nothing that the callback refers to may be left.
      if (!self->abandoned && !self->result) {
        self->on_notification(std::move(message));
      }
    });
  }
  void request(ServerRequest request) {
    asio::post(caller, [self = shared_from_this(), request = std::move(request)]() mutable {
      if (!self->abandoned && !self->result) {
        self->on_request(std::move(request));
      } else {
        request.answer(true, error_object(code::kInternalError, "The call that asked this is over."));
      }
    });
  }
};

DuplexUpstream::DuplexUpstream(Executor home, DuplexUpstreamOptions options)
    : home_(std::move(home)),
      options_(std::move(options)),
      readiness_(options_.name),
      timer_(home_),
      deadlines_(home_) {}

DuplexUpstream::~DuplexUpstream() = default;

Task<Result<UpstreamReply>> DuplexUpstream::call(const UpstreamCall& call) {
  const UpstreamState now = state();
  if (now == UpstreamState::Backoff || now == UpstreamState::Stopped) {
    co_return readiness_.refusal();
  }
  if (now == UpstreamState::Starting) {
    const int64_t limit = call.timeout_ms == 0 ? options_.ready_timeout_ms
                                               : std::min(call.timeout_ms, options_.ready_timeout_ms);
    if (auto up = co_await ready(limit); !up) {
      co_return up.error();
    }
  }
  const uint64_t generation = generation_.load(std::memory_order_acquire);
  if (generation == 0) {
    co_return readiness_.refusal();
  }
  const uint64_t id = next_id_.fetch_add(1, std::memory_order_relaxed);
  std::string text;
  append_request(text, id, call, era_.load(std::memory_order_relaxed), options_.identity);
  co_return co_await ask(std::move(text), id, call.timeout_ms, generation, &call);
}

/// `generation` 0: to the server as it is, ready or not (greetings, from home).
Task<Result<UpstreamReply>> DuplexUpstream::ask(std::string text, uint64_t id, int64_t timeout_ms,
                                                uint64_t generation, const UpstreamCall* call) {
  const auto pending = std::make_shared<Pending>(co_await asio::this_coro::executor);
  pending->text = std::move(text);
  pending->id = id;
  pending->generation = generation;
  pending->deadline_ms = timeout_ms == 0 ? INT64_MAX : steady_ms() + timeout_ms;
  if (call != nullptr && call->on_notification) {
    pending->on_notification = call->on_notification;
    pending->progress_token = call->progress_token;
    pending->on_request = call->on_request;
    pending->unanswered = call->unanswered;
  }
  struct Farewell {
    DuplexUpstream& upstream;
    const PendingPtr& pending;
    ~Farewell() {
      pending->abandoned = true;
      if (!pending->result) {
        asio::post(upstream.home_,
                   [self = upstream.shared_from_this(), gone = pending] { self->abandon(gone); });
      }
    }
  };
  const Farewell farewell{*this, pending};
  asio::post(home_, [self = shared_from_this(), pending] { self->submit(pending); });
  co_await pending->wait();
  if (!pending->result) {
    co_return error(asio::error::operation_aborted, options_.name);
  }
  co_return std::move(*pending->result);
}

void DuplexUpstream::submit(const PendingPtr& pending) {
  if (!link_ || stopping_ || link_->ended() ||
      (pending->generation != 0 && pending->generation != generation_.load(std::memory_order_relaxed))) {
    pending->complete(readiness_.refusal());
    return;
  }
  if (pending_.size() >= options_.max_calls) {
    pending->complete(error(asio::error::try_again, options_.name + ": too many calls in flight"));
    return;
  }
  if (!link_->write(pending->text)) {
    pending->complete(
        error(asio::error::no_buffer_space, options_.name + ": the server does not read its input"));
    return;
  }
  pending->text.clear();
  pending_.emplace(pending->id, pending);
  arm_deadlines();
}

void DuplexUpstream::fail_undelivered(std::string_view message, const Error& why) {
  const auto request = read_wire_message(message);
  const std::optional<uint64_t> id = request ? own_id(request->id) : std::nullopt;
  const auto found = id ? pending_.find(*id) : pending_.end();
  if (found != pending_.end()) {
    const PendingPtr pending = found->second;
    pending_.erase(found);
    pending->complete(add_context(why, options_.name));
  }
}

/// The caller is gone: an answer that still comes is dropped.
void DuplexUpstream::abandon(const PendingPtr& pending) {
  if (pending_.erase(pending->id) != 0 && link_ && pending->generation != 0) {
    link_->write(cancelled_notification(pending->id));
  }
}

void DuplexUpstream::fail_all(const Error& failure) {
  const auto failed = std::move(pending_);
  pending_.clear();
  for (const auto& [id, pending] : failed) {
    pending->complete(failure);
  }
}

void DuplexUpstream::arm_deadlines() {
  if (deadlines_armed_ || pending_.empty()) {
    return;
  }
  deadlines_armed_ = true;
  deadlines_.expires_after(kDeadlineTick);
  deadlines_.async_wait([weak = weak_from_this()](const error_code& ec) {
    if (const auto self = weak.lock(); self && !ec) {
      self->deadlines_armed_ = false;
      self->check_deadlines();
      self->arm_deadlines();
    }
  });
}

void DuplexUpstream::check_deadlines() {
  const int64_t now = steady_ms();
  for (auto it = pending_.begin(); it != pending_.end();) {
    const PendingPtr pending = it->second;
    if (pending->unanswered != nullptr && pending->unanswered->load(std::memory_order_relaxed) > 0 &&
        pending->deadline_ms != INT64_MAX) {
      pending->deadline_ms += std::chrono::milliseconds(kDeadlineTick).count();
    }
    if (now < pending->deadline_ms) {
      ++it;
      continue;
    }
    it = pending_.erase(it);
    if (link_ && pending->generation != 0) {
      link_->write(cancelled_notification(pending->id));
    }
    pending->complete(error(asio::error::timed_out, options_.name + " did not answer in time"));
  }
}

void DuplexUpstream::take_message(std::string_view line) {
  const auto message = read_wire_message(line);
  if (!message) {
    const uint64_t before = dropped_.fetch_add(1, std::memory_order_relaxed);
    if (before < kGarbageLogs) {
      options_.log(options_.name + ": not a JSON-RPC message: " + printable(line, 200));
    }
    return;
  }
  switch (message->kind) {
    case WireMessage::Kind::Response:
      take_response(*message, line);
      break;
    case WireMessage::Kind::Request:
      take_request(*message);
      break;
    case WireMessage::Kind::Notification:
      take_notification(*message, line);
      break;
  }
}

/// Nothing on the connection says which call a request belongs to: it is taken for the latest one whose
/// client can be asked.
void DuplexUpstream::take_request(const WireMessage& message) {
  PendingPtr latest;
  for (const auto& [id, pending] : pending_) {
    if (pending->on_request && (latest == nullptr || latest->id < id)) {
      latest = pending;
    }
  }
  if (latest == nullptr || message.method == "ping") {
    link_->write(answer_server_request(message));
    return;
  }
  latest->request({std::string(message.method), std::string(message.params),
                   [self = shared_from_this(), link = std::weak_ptr<DuplexLink>(link_),
                    id = std::string(message.id)](bool is_error, const std::string& payload) {
                     asio::post(self->home_, [link, text = server_answer(id, is_error, payload)] {
                       if (const auto alive = link.lock()) {
                         alive->write(text);
                       }
                     });
                   }});
}

void DuplexUpstream::take_response(const WireMessage& message, std::string_view line) {
  const auto id = own_id(message.id);
  const auto it = id ? pending_.find(*id) : pending_.end();
  if (it == pending_.end()) {
    dropped_.fetch_add(1, std::memory_order_relaxed);  // late, or to nothing we asked
    return;
  }
  const PendingPtr pending = it->second;
  pending_.erase(it);
  UpstreamReply reply;
  reply.body = line;
  reply.payload =
      std::string_view(reply.body)
          .substr(static_cast<size_t>(message.payload.data() - line.data()), message.payload.size());
  reply.is_error = message.is_error;
  pending->complete(std::move(reply));
}

void DuplexUpstream::take_notification(const WireMessage& message, std::string_view line) {
  if (message.method == "notifications/progress") {
    const auto id = progress_token_of(message.params);
    const auto it = id ? pending_.find(*id) : pending_.end();
    if (it != pending_.end() && it->second->on_notification) {
      it->second->notify(restore_progress_token(line, it->second->progress_token));
    }
    return;
  }
  // The connection serves one principal: what is logged while a single call runs is that call's.
  if (message.method == "notifications/message" && pending_.size() == 1 &&
      pending_.begin()->second->on_notification) {
    pending_.begin()->second->notify(std::string(line));
    return;
  }
  if (on_event_) {
    on_event_(message.method, line);
  }
}

Task<Result<void>> DuplexUpstream::notify(std::string_view method, std::string_view params,
                                          UpstreamSession*) {
  if (state() != UpstreamState::Ready) {
    co_return readiness_.refusal();
  }
  asio::post(home_, [self = shared_from_this(), text = notification_message(method, params)] {
    if (self->link_) {
      self->link_->write(text);
    }
  });
  co_return Result<void>{};
}

}  // namespace catalyst::mcp
