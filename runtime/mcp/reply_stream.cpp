#include "runtime/mcp/reply_stream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "runtime/mcp/endpoint.h"
#include "runtime/mcp/event_queue.h"
#include "runtime/mcp/session.h"
#include "runtime/mcp/sse_headers.h"

namespace catalyst::mcp {

namespace {
constexpr size_t kBurstBytes = 64 * 1024;
}  // namespace

struct ReplyStream::State {
  State(const Executor& executor, const SessionLimits& limits)
      : queue(limits.stream_events, limits.stream_bytes),
        done_signal(executor, SteadyTimer::time_point::max()) {}
  EventQueue queue;
  SteadyTimer done_signal;
  uint64_t stream = 0;  // in the session's replay store
  std::string last;
  bool done = false;
};

ReplyStream::ReplyStream(HttpExchange& exchange, const SessionLimits& limits, Mode mode,
                         std::shared_ptr<Session> session)
    : exchange_(exchange), limits_(limits), mode_(mode), session_(std::move(session)) {}

ReplyStream::~ReplyStream() = default;

void ReplyStream::notify(const Executor& executor, std::string message) {
  if (mode_ == Mode::Off) {
    return;
  }
  if (state_ == nullptr) {
    state_ = std::make_shared<State>(executor, limits_);
    if (session_ != nullptr) {
      state_->stream = session_->replay().open();
      // Older clients would take an event without data for a broken message.
      if (session_->terms().protocol_version == kLegacyVersions.front()) {
        state_->queue.push(priming_event(ReplayStore::id_of({state_->stream, 0})));
      }
    }
    asio::co_spawn(executor, run(exchange_, state_), asio::detached);
  }
  state_->queue.push(event_of(message));
}

std::string ReplyStream::event_of(const std::string& message) {
  return session_ == nullptr
             ? sse_event(message)
             : sse_event(message, ReplayStore::id_of(session_->replay().keep(state_->stream, message)));
}

Task<void> ReplyStream::run(HttpExchange& exchange, std::shared_ptr<State> state) {
  try {
    Result<void> sent;
    for (bool begun = false; sent; begun = true) {
      std::optional<std::string> events = co_await state->queue.next();
      if (!events) {
        if (!begun) {
          sent = co_await exchange.begin_stream(200, kSseHeaders, {});
        }
        break;
      }
      // A server that tells its progress does so in bursts, and a burst costs one system call.
      for (std::optional<std::string> more; events->size() < kBurstBytes && (more = state->queue.take());) {
        *events += *more;
      }
      sent = begun ? co_await exchange.write(*events)
                   : co_await exchange.begin_stream(200, kSseHeaders, *events);
    }
    if (sent) {
      co_await exchange.end_stream(state->last);
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
  state_->last = last.empty() ? std::string() : event_of(last);
  if (session_ != nullptr) {
    session_->replay().end(state_->stream);
  }
  state_->queue.close();
  while (!state_->done) {
    co_await state_->done_signal.async_wait(asio::as_tuple(use_awaitable));
  }
}

}  // namespace catalyst::mcp
