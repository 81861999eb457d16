#include "runtime/mcp/replay.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <charconv>

namespace catalyst::mcp {

std::string ReplayStore::id_of(Place place) {
  return std::to_string(place.stream) + "-" + std::to_string(place.event);
}

std::optional<ReplayStore::Place> ReplayStore::parse(std::string_view id) {
  Place place;
  const char* const end = id.data() + id.size();
  const auto stream = std::from_chars(id.data(), end, place.stream);
  if (stream.ec != std::errc() || stream.ptr == end || *stream.ptr != '-') {
    return std::nullopt;
  }
  const auto event = std::from_chars(stream.ptr + 1, end, place.event);
  return event.ec == std::errc() && event.ptr == end ? std::optional(place) : std::nullopt;
}

uint64_t ReplayStore::open() {
  const std::lock_guard lock(mutex_);
  streams_.emplace(++opened_, Stream());
  return opened_;
}

ReplayStore::Place ReplayStore::keep(uint64_t stream, std::string_view message) {
  const std::lock_guard lock(mutex_);
  const Place place{stream, ++streams_[stream].last};
  events_.push_back({place, std::string(message)});
  bytes_ += message.size();
  while (events_.size() > events_max_ || (bytes_ > bytes_max_ && events_.size() > 1)) {
    const Event& oldest = events_.front();
    bytes_ -= oldest.message.size();
    const auto of = streams_.find(oldest.place.stream);
    if (of != streams_.end() && of->second.over && of->second.last == oldest.place.event) {
      streams_.erase(of);
    }
    events_.pop_front();
  }
  wake_locked();
  return place;
}

void ReplayStore::end(uint64_t stream) {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(stream);
  if (found != streams_.end()) {
    found->second.over = true;
    if (found->second.last == 0) {
      streams_.erase(found);
    }
  }
  wake_locked();
}

bool ReplayStore::knows(Place place) const {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(place.stream);
  return found != streams_.end() && place.event <= found->second.last;
}

std::optional<ReplayStore::Event> ReplayStore::peek_locked(Place after) const {
  const auto found = std::find_if(events_.begin(), events_.end(), [&](const Event& event) {
    return event.place.stream == after.stream && event.place.event > after.event;
  });
  return found == events_.end() ? std::nullopt : std::optional(*found);
}

std::optional<ReplayStore::Event> ReplayStore::peek(Place after) const {
  const std::lock_guard lock(mutex_);
  return peek_locked(after);
}

Task<std::optional<ReplayStore::Event>> ReplayStore::next(Place after) {
  const Executor executor = co_await asio::this_coro::executor;
  for (;;) {
    const auto timer = std::make_shared<SteadyTimer>(executor, SteadyTimer::time_point::max());
    {
      const std::lock_guard lock(mutex_);
      if (std::optional<Event> event = peek_locked(after)) {
        co_return event;
      }
      const auto stream = streams_.find(after.stream);
      if (stream == streams_.end() || stream->second.over) {
        co_return std::nullopt;
      }
      waiter_ = timer;
    }
    co_await timer->async_wait(asio::as_tuple(use_awaitable));
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      co_return std::nullopt;
    }
  }
}

void ReplayStore::wake_locked() {
  if (waiter_ != nullptr) {
    const Executor executor = waiter_->get_executor();
    asio::post(executor, [waiter = std::move(waiter_)] { waiter->cancel(); });
    waiter_.reset();
  }
}

}  // namespace catalyst::mcp
