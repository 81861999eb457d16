#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/asio.h"
#include "runtime/base/result.h"

namespace catalyst::mcp {

/// What a link tells its owner, on the executor it was opened with, until it is buried.
struct DuplexEvents {
  size_t max_message_bytes;
  size_t max_queued_bytes;                                   // written but not yet taken by the server
  std::function<void(std::string_view message)> on_message;  // one message of the server
  std::function<void(size_t bytes)> on_oversize;             // one that was dropped
  /// A message of ours that did not get through.
  std::function<void(std::string_view message, const Error& why)> on_undelivered;
  std::function<void()> on_end;  // nothing more comes; perhaps more than once
};

/// A connection on which messages go both ways for as long as it lasts: the pipes of a child, or an event
/// stream with the address for messages that it named. One executor.
class DuplexLink {
 public:
  virtual ~DuplexLink() = default;
  /// Queues one message. False when the server has not taken what was queued before.
  virtual bool write(std::string_view message) = 0;
  /// Nothing more comes from the server.
  [[nodiscard]] virtual bool ended() const = 0;
  /// What it is, for logs: "the server process".
  [[nodiscard]] virtual std::string_view what() const = 0;
  /// Ends it, politely first; how it ended, for logs: "exited with status 1".
  virtual Task<std::string> bury() = 0;
};

/// Opens a connection on `home`.
using DuplexConnect =
    std::function<Task<Result<std::shared_ptr<DuplexLink>>>(const Executor& home, DuplexEvents events)>;

}  // namespace catalyst::mcp
