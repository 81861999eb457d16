#pragma once

#include <memory>
#include <string>

#include "runtime/base/asio.h"
#include "runtime/mcp/exchange.h"

namespace catalyst::mcp {

class Session;
struct SessionLimits;

/// Turns an exchange's answer into an event stream, but only once something has to go out before the reply;
/// until then it costs nothing. Lives in the handler's frame, on the connection's executor.
class ReplyStream {
 public:
  /// `wanted`: the client accepts event streams; otherwise notifications are dropped.
  enum class Mode { Off, OnDemand };
  /// With a session the events get ids and are kept for a client that loses the connection.
  ReplyStream(HttpExchange& exchange, const SessionLimits& limits, Mode mode,
              std::shared_ptr<Session> session);
  ~ReplyStream();

  /// Queues a message; the first one starts the stream.
  void notify(const Executor& executor, std::string message);
  /// Whether the client takes event streams at all.
  [[nodiscard]] bool possible() const { return mode_ == Mode::OnDemand; }
  [[nodiscard]] bool started() const { return state_ != nullptr; }
  /// Sends `last` ("" = nothing) and ends the stream; must have been started, and must be awaited before the
  /// handler returns.
  Task<void> finish(std::string last);

 private:
  struct State;
  [[nodiscard]] std::string event_of(const std::string& message);
  static Task<void> run(HttpExchange& exchange, std::shared_ptr<State> state);

  HttpExchange& exchange_;
  const SessionLimits& limits_;
  const Mode mode_;
  const std::shared_ptr<Session> session_;
  std::shared_ptr<State> state_;
};

}  // namespace catalyst::mcp
