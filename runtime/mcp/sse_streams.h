#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/base/asio.h"
#include "runtime/mcp/channel_ends.h"
#include "runtime/mcp/event_queue.h"
#include "runtime/mcp/exchange.h"
#include "runtime/mcp/message_channel.h"
#include "runtime/mcp/seal.h"
#include "runtime/mcp/session.h"

namespace catalyst::mcp {

/// A client of HTTP+SSE (2024-11-05): one event stream that is open as long as the client is there, and POSTs
/// that name it.
struct SseStream {
  SseStream(const Executor& executor_, size_t bytes_max)
      : executor(executor_), queue(SIZE_MAX, bytes_max, Overflow::Close) {}
  const Executor executor;  // of the stream's connection: the channel lives there
  EventQueue queue;
  std::shared_ptr<MessageChannel> channel;
  std::string id;
  std::string principal_id;
  Scope scope;
  std::atomic<int64_t> last_used_ms = 0;
  EndReason end;
};

/// The open streams of HTTP+SSE clients. Any thread; streams open and close rarely, so one lock serves.
class SseStreams {
 public:
  SseStreams(const ChannelLimits& limits, const Sealer& sealer) : limits_(limits), sealer_(sealer) {}

  /// nullptr when there are too many. The id is sealed, and bound to principal and endpoint.
  std::shared_ptr<SseStream> open(const Executor& executor, std::string_view principal_id, Scope scope,
                                  std::string_view scope_name, int64_t now_ms);
  /// The stream with that id; nullptr when there is none of this principal and endpoint.
  std::shared_ptr<SseStream> find(std::string_view id, std::string_view principal_id, Scope scope,
                                  std::string_view scope_name, int64_t now_ms);
  void close(const SseStream& stream);
  /// Closes those that nothing was said on for too long.
  void sweep(int64_t now_ms);
  void close_all();

 private:
  const ChannelLimits limits_;
  const Sealer& sealer_;
  std::mutex mutex_;
  bool closed_ = false;
  uint64_t opened_ = 0;
  std::map<std::string, std::shared_ptr<SseStream>, std::less<>> streams_;
};

}  // namespace catalyst::mcp
