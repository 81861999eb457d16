#include "runtime/mcp/event_queue.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

namespace catalyst::mcp {

/// Wakes the taking coroutine on its own executor, where the timer lives.
struct EventQueue::Waiter {
  explicit Waiter(const Executor& executor) : timer(executor, SteadyTimer::time_point::max()) {}
  SteadyTimer timer;
};

EventQueue::EventQueue(size_t events_max, size_t bytes_max, Overflow overflow)
    : events_max_(events_max), bytes_max_(bytes_max), overflow_(overflow) {}

EventQueue::~EventQueue() = default;

void EventQueue::wake_locked() {
  if (waiter_ == nullptr) {
    return;
  }
  const Executor executor = waiter_->timer.get_executor();
  asio::post(executor, [waiter = std::move(waiter_)] { waiter->timer.cancel(); });
  waiter_.reset();
}

bool EventQueue::push(std::string message, Repeat repeat) {
  const std::lock_guard lock(mutex_);
  if (closed_) {
    return false;
  }
  if (repeat == Repeat::Once && std::find(messages_.begin(), messages_.end(), message) != messages_.end()) {
    return true;
  }
  bytes_ += message.size();
  messages_.push_back(std::move(message));
  if (overflow_ == Overflow::Close && (messages_.size() > events_max_ || bytes_ > bytes_max_)) {
    dropped_ += messages_.size();
    messages_.clear();
    bytes_ = 0;
    closed_ = true;
    wake_locked();
    return false;
  }
  while (messages_.size() > events_max_ || (bytes_ > bytes_max_ && !messages_.empty())) {
    bytes_ -= messages_.front().size();
    messages_.pop_front();
    ++dropped_;
  }
  wake_locked();
  return true;
}

std::optional<std::string> EventQueue::take() {
  const std::lock_guard lock(mutex_);
  if (messages_.empty()) {
    return std::nullopt;
  }
  std::string message = std::move(messages_.front());
  messages_.pop_front();
  bytes_ -= message.size();
  return message;
}

Task<std::optional<std::string>> EventQueue::next() {
  const Executor executor = co_await asio::this_coro::executor;
  for (;;) {
    std::shared_ptr<Waiter> waiter;
    {
      const std::lock_guard lock(mutex_);
      if (!messages_.empty()) {
        std::string message = std::move(messages_.front());
        messages_.pop_front();
        bytes_ -= message.size();
        co_return message;
      }
      if (closed_) {
        co_return std::nullopt;
      }
      waiter = std::make_shared<Waiter>(executor);
      waiter_ = waiter;
    }
    co_await waiter->timer.async_wait(asio::as_tuple(use_awaitable));
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      const std::lock_guard lock(mutex_);
      if (waiter_ == waiter) {
        waiter_.reset();
      }
      co_return std::nullopt;
    }
  }
}

void EventQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  wake_locked();
}

bool EventQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

size_t EventQueue::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

std::string priming_event(std::string_view id) {
  return "id: " + std::string(id) + "\nretry: 1000\ndata: \n\n";
}

std::string sse_event(std::string_view message, std::string_view id) {
  std::string out;
  out.reserve(message.size() + id.size() + 48);
  if (!id.empty()) {
    out.append("id: ").append(id).append("\n");
  }
  out += "event: message\ndata: ";
  const size_t start = out.size();
  out += message;
  if (message.find_first_of("\r\n") != std::string_view::npos) {
    std::replace_if(
        out.begin() + static_cast<ptrdiff_t>(start), out.end(), [](char c) { return c == '\n' || c == '\r'; },
        ' ');
  }
  out += "\n\n";
  return out;
}

}  // namespace catalyst::mcp
