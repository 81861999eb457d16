#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/asio.h"
#include "runtime/mcp/message_channel.h"
#include "runtime/mcp/request_context.h"
#include "runtime/mcp/router.h"
#include "runtime/mcp/sse_streams.h"

namespace catalyst::mcp {

/// Serves clients of HTTP+SSE, the transport of revision 2024-11-05: a GET opens the client's event stream,
/// whose first event names the address for its messages; a message is POSTed there and answered on the
/// stream. Any thread.
class SseFront {
 public:
  SseFront(Router& router, MessageChannel::Serve serve);

  /// The GET, until the client or the gateway ends the stream; the refusal when it cannot be opened.
  /// `server`: "" or "/NAME", what follows the endpoint's path.
  Task<std::optional<Reply>> open(HttpExchange& exchange, Scope scope, std::string_view server);
  /// The POST of a message; the refusal when nobody has such a stream or it cannot be read.
  Task<std::optional<Reply>> post(HttpExchange& exchange, Scope scope);

  void sweep(int64_t now_ms) { streams_.sweep(now_ms); }
  void close_all() { streams_.close_all(); }
  [[nodiscard]] const ChannelEnds& ends() const { return ends_; }

 private:
  Task<bool> feed(HttpExchange& exchange, SseStream& stream, std::string_view address);

  Router& router_;
  const MessageChannel::Serve serve_;
  SseStreams streams_;
  ChannelEnds ends_;
};

}  // namespace catalyst::mcp
