#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>

#include "runtime/base/asio.h"
#include "runtime/mcp/channel_ends.h"
#include "runtime/mcp/message_channel.h"
#include "runtime/mcp/request_context.h"
#include "runtime/mcp/router.h"

namespace catalyst::mcp {

/// Serves clients over WebSocket (RFC 6455), subprotocol `mcp`: each text frame is one message, or a batch.
/// Who the client is, says the request that opens the connection; the connection ends when that would no
/// longer be let in. Any thread.
class WebSocketFront {
 public:
  WebSocketFront(Router& router, MessageChannel::Serve serve);

  /// Until either side closes the connection; the refusal when it is not opened. `server`: "" or "/NAME".
  Task<std::optional<Reply>> serve(HttpExchange& exchange, std::string_view server);

  /// Closes those that nothing was said on for too long, or that are too old.
  void sweep(int64_t now_ms);
  void close_all();
  [[nodiscard]] const ChannelEnds& ends() const { return ends_; }

 private:
  struct Connection;

  [[nodiscard]] std::shared_ptr<Connection> open(HttpExchange& exchange, const Executor& executor,
                                                 std::string_view server);
  static Task<void> write_all(std::shared_ptr<Connection> connection);
  static Task<void> read_all(Connection& connection, HttpExchange& exchange);

  Router& router_;
  const MessageChannel::Serve serve_;
  ChannelEnds ends_;
  std::mutex mutex_;  // held for a few instructions
  bool closed_ = false;
  std::set<std::shared_ptr<Connection>> connections_;
};

}  // namespace catalyst::mcp
