#include "runtime/mcp/reply_stream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include "runtime/mcp/endpoint.h"
#include "runtime/mcp/event_queue.h"
#include "runtime/mcp/sse_headers.h"

namespace catalyst::mcp {

struct ReplyStream::State {
  State(const asio::any_io_executor& executor, const SessionLimits& limits)
      : queue(limits.stream_events, limits.stream_bytes),
        done_signal(executor, asio::steady_timer::time_point::max()) {}
  EventQueue queue;
  asio::steady_timer done_signal;
  std::string last;
  bool done = false;
};

ReplyStream::ReplyStream(HttpExchange& exchange, const SessionLimits& limits, Mode mode)
    : exchange_(exchange), limits_(limits), mode_(mode) {}

ReplyStream::~ReplyStream() = default;

void ReplyStream::notify(const asio::any_io_executor& executor, std::string message) {
  if (mode_ == Mode::Off) {
    return;
  }
  if (state_ == nullptr) {
    state_ = std::make_shared<State>(executor, limits_);
    asio::co_spawn(executor, run(exchange_, state_), asio::detached);
  }
  state_->queue.push(std::move(message));
}

Task<void> ReplyStream::run(HttpExchange& exchange, std::shared_ptr<State> state) {
  try {
    Result<void> sent = co_await exchange.begin_stream(200, kSseHeaders);
    while (sent) {
      const std::optional<std::string> message = co_await state->queue.next();
      if (!message) {
        break;
      }
      sent = co_await exchange.write(sse_event(*message));
    }
    if (sent && !state->last.empty()) {
      sent = co_await exchange.write(sse_event(state->last));
    }
    if (sent) {
      co_await exchange.end_stream();
    }
  } catch (const std::exception&) {
    // The client went away in the middle; nobody is left to tell.
  }
  state->done = true;
  state->done_signal.cancel();
}

Task<void> ReplyStream::finish(std::string last) {
  // The reply is kept out of the bounded queue: whatever else is dropped for a slow reader, the answer is
  // not.
  state_->last = std::move(last);
  state_->queue.close();
  while (!state_->done) {
    co_await state_->done_signal.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

}  // namespace catalyst::mcp
