#include "runtime/mcp/parked_call.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "runtime/mcp/envelope.h"
#include "runtime/mcp/protocol.h"
#include "runtime/mcp/seal.h"

namespace catalyst::mcp {
namespace {

/// A server that asks several things asks them one after the other: what comes this close together goes to
/// the client at once.
constexpr auto kTogether = std::chrono::milliseconds(5);
constexpr size_t kOpenMax = 64;

}  // namespace

ParkedCall::ParkedCall(const Executor& executor, std::shared_ptr<Upstream> upstream, const UpstreamCall& call,
                       std::shared_ptr<UpstreamSession> session, std::string key_prefix)
    : executor_(executor),
      upstream_(std::move(upstream)),
      session_(std::move(session)),
      key_prefix_(std::move(key_prefix)),
      call_(call) {
  for (std::string_view* view :
       {&call_.method, &call_.params, &call_.name, &call_.progress_token, &call_.log_level,
        &call_.traceparent, &call_.tracestate, &call_.extra_headers, &call_.capabilities}) {
    texts_.push_back(std::make_unique<std::string>(*view));
    *view = *texts_.back();
  }
  call_.unanswered = unanswered_;
}

void ParkedCall::start() {
  // The call holds itself while it runs; its callbacks run on its executor while call() has not returned.
  call_.on_request = [this](ServerRequest request) { take_request(std::move(request)); };
  call_.on_notification = [this](std::string message) { take_notification(std::move(message)); };
  asio::co_spawn(executor_, run(),
                 asio::bind_cancellation_slot(
                     cancel_.slot(), [self = shared_from_this()](const std::exception_ptr& failed) {
                       const std::lock_guard lock(self->mutex_);
                       if (failed && !self->reply_) {
                         self->reply_ = error(asio::error::operation_aborted, "the call was cancelled");
                       }
                       self->over_ = true;
                       self->wake_locked();
                     }));
}

Task<void> ParkedCall::run() {
  const std::shared_ptr<ParkedCall> self = shared_from_this();
  Result<UpstreamReply> reply = co_await upstream_->call(call_);
  const std::lock_guard lock(mutex_);
  reply_ = std::move(reply);
}

void ParkedCall::take_request(ServerRequest request) {
  const std::optional<AskKind> kind = ask_kind(request.method);
  const std::lock_guard lock(mutex_);
  if (!kind || !can_be_asked(call_.capabilities, *kind, request.params) || open_.size() >= kOpenMax) {
    request.answer(true,
                   error_object(code::kMethodNotFound, "The client cannot be asked this: " + request.method));
    return;
  }
  Question question{key_prefix_ + std::to_string(++asked_), *kind, std::move(request.method),
                    std::move(request.params)};
  question.params = bridge_question(question, Era::Modern);
  open_.push_back({std::move(question), std::move(request.answer)});
  ++*unanswered_;
  wake_locked();
}

void ParkedCall::take_notification(std::string message) {
  std::shared_ptr<Listener> listener;
  {
    const std::lock_guard lock(mutex_);
    listener = listener_.lock();
  }
  if (listener == nullptr) {
    return;  // between two requests nobody can be told
  }
  const Executor executor = listener->executor;
  asio::post(executor, [weak = std::weak_ptr(listener), message = std::move(message)]() mutable {
    if (const std::shared_ptr<Listener> still = weak.lock()) {
      still->take(std::move(message));
    }
  });
}

ParkedCall::Listening ParkedCall::listen(const Executor& executor, std::function<void(std::string)> take) {
  auto listener = std::make_shared<Listener>(Listener{executor, std::move(take)});
  const std::lock_guard lock(mutex_);
  listener_ = listener;
  return listener;
}

void ParkedCall::wake_locked() {
  if (waiter_ != nullptr) {
    const Executor executor = waiter_->get_executor();
    asio::post(executor, [waiter = std::move(waiter_)] { waiter->cancel(); });
    waiter_.reset();
  }
}

Task<void> ParkedCall::wait() {
  const Executor executor = co_await asio::this_coro::executor;
  uint64_t seen = 0;  // questions when the client could last have got them
  for (;;) {
    auto timer = std::make_shared<SteadyTimer>(executor, SteadyTimer::time_point::max());
    {
      const std::lock_guard lock(mutex_);
      if (reply_ || over_ || (!open_.empty() && seen == asked_)) {
        co_return;
      }
      if (!open_.empty()) {
        seen = asked_;
        timer->expires_after(kTogether);
      }
      waiter_ = timer;
    }
    co_await timer->async_wait(asio::as_tuple(use_awaitable));
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      const std::lock_guard lock(mutex_);
      waiter_.reset();
      co_return;
    }
  }
}

std::optional<Result<UpstreamReply>> ParkedCall::take_reply() {
  const std::lock_guard lock(mutex_);
  std::optional<Result<UpstreamReply>> out = std::move(reply_);
  reply_.reset();
  return out;
}

bool ParkedCall::over() const {
  const std::lock_guard lock(mutex_);
  return over_;
}

std::vector<Question> ParkedCall::questions() const {
  const std::lock_guard lock(mutex_);
  std::vector<Question> out;
  for (const Open& open : open_) {
    out.push_back(open.question);
  }
  return out;
}

void ParkedCall::answer(std::string_view responses_json, const Permitted& permitted) {
  std::vector<std::pair<Open, std::string>> answered;
  {
    const std::lock_guard lock(mutex_);
    for (auto open = open_.begin(); open != open_.end();) {
      const std::string_view response = find_member(responses_json, open->question.key);
      if (response.starts_with('{')) {
        answered.emplace_back(std::move(*open), std::string(response));
        open = open_.erase(open);
      } else {
        ++open;  // missing or no response at all: the client is asked again
      }
    }
  }
  for (auto& [open, response] : answered) {
    --*unanswered_;
    open.answer(false, permitted(open.question, std::move(response)));
  }
}

void ParkedCall::refuse(std::string_view key, std::string error_json) {
  std::function<void(bool, std::string)> refused;
  {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::find_if(open_.begin(), open_.end(), [&](const Open& o) { return o.question.key == key; });
    if (found == open_.end()) {
      return;
    }
    refused = std::move(found->answer);
    open_.erase(found);
  }
  --*unanswered_;
  refused(true, std::move(error_json));
}

void ParkedCall::cancel() {
  asio::post(executor_,
             [self = shared_from_this()] { self->cancel_.emit(asio::cancellation_type::terminal); });
}

std::string ParkedCalls::add(std::shared_ptr<ParkedCall> call, int64_t now_ms) {
  std::string id = random_bytes(16);
  const std::lock_guard lock(mutex_);
  if (calls_.size() >= max_) {
    return {};
  }
  calls_.emplace(id, Entry{std::move(call), now_ms + keep_ms_});
  return id;
}

std::shared_ptr<ParkedCall> ParkedCalls::take(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(id);
  if (found == calls_.end()) {
    return nullptr;
  }
  std::shared_ptr<ParkedCall> call = std::move(found->second.call);
  calls_.erase(found);
  return call;
}

std::shared_ptr<ParkedCall> ParkedCalls::find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : found->second.call;
}

bool ParkedCalls::put(std::string id, const std::shared_ptr<ParkedCall>& call, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(id);
  if (found == calls_.end() && calls_.size() >= max_) {
    return false;
  }
  calls_.insert_or_assign(std::move(id), Entry{call, now_ms + keep_ms_});
  return true;
}

void ParkedCalls::drop(std::string_view id) {
  if (const std::shared_ptr<ParkedCall> call = take(id)) {
    call->cancel();
  }
}

void ParkedCalls::sweep(int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  std::erase_if(calls_, [&](const auto& entry) {
    const bool over = now_ms >= entry.second.until_ms;
    if (over) {
      entry.second.call->cancel();
    }
    return over;
  });
}

void ParkedCalls::cancel_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : calls_) {
    entry.call->cancel();
  }
  calls_.clear();
}

}  // namespace catalyst::mcp
