#pragma once

// Internal to runtime/redis: one connection over hiredis.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"
#include "runtime/redis/address.h"

namespace catalyst::redis {

/// The words of one command.
using Command = std::vector<std::string_view>;

/// What Redis said to a command.
struct Answer {
  enum class Kind : uint8_t { Text, Refused };  // Refused: an error reply
  Kind kind = Kind::Text;
  std::string text;  // nil and integers are ""
};

/// Blocking, one thread. Every function may take `timeout_ms`, and no longer but for the look-up of a name;
/// after an error the connection is of no more use.
class Connection {
 public:
  /// Connects and introduces itself. `answer_bytes`: the largest answer that is taken.
  static Result<std::unique_ptr<Connection>> open(const Address& address, int64_t timeout_ms,
                                                  size_t answer_bytes);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Sends all commands at once, and reads an answer to each, in their order.
  Result<std::vector<Answer>> exchange(std::span<const Command> commands, int64_t timeout_ms);

 private:
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::redis
