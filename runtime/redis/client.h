#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/redis/address.h"

namespace catalyst::redis {

struct Options {
  Address address;
  int64_t timeout_ms = 50;  // of connecting, and of each exchange
  int64_t retry_ms =
      1'000;  // after the connection failed; doubles up to retry_max_ms while it goes on failing
  int64_t retry_max_ms = 30'000;
  size_t value_bytes = size_t{1024} * 1024;       // larger values are neither put nor taken
  size_t queue = 1'024;                           // questions and values that wait
  size_t queue_bytes = size_t{16} * 1024 * 1024;  // of values that wait
  int64_t ping_ms = 5'000;  // an idle connection is tried so often: nobody's question is to find it dead
  /// What an operator should know: that the connection stands, or why not. The client's thread.
  std::function<void(bool connected, const std::string& text)> log = [](bool, const std::string&) {};
};

/// Values in a Redis. Any thread; never waits: what is handed in is done by a thread of the client's own.
class Client {
 public:
  /// The values by the order of the keys, "" for none; `failed`: there was no telling. Called once, on the
  /// client's thread; must not block.
  using Got = std::function<void(bool failed, std::vector<std::string> values)>;

  /// Begins to connect.
  explicit Client(Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// False, and `got` is never called: there is no connection, or too much waits.
  bool get(std::vector<std::string> keys, Got got);
  /// False: dropped, for the same reasons or because the value is too large. True says that it was sent on
  /// its way, no more.
  bool put(std::string key, std::string value, int64_t ttl_ms);
  [[nodiscard]] bool connected() const;
  [[nodiscard]] const Options& options() const;
  /// What was asked is answered with a failure; nothing is called afterwards.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::redis
