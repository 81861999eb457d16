#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>
#include <string>
#include <string_view>

#include "server/http/listener.h"

namespace catalyst::test {

/// A blocking client socket that sends exactly the bytes it is told to.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return;
      }
      text.remove_prefix(static_cast<size_t>(sent));
    }
  }
  /// Reads until `needle` has been seen, the peer closes, or the time is over; everything read so far.
  const std::string& read_until(std::string_view needle, int timeout_ms = 5'000) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (needle.empty() || seen_.find(needle) == std::string::npos) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now())
              .count();
      pollfd waiting{fd_, POLLIN, 0};
      if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0) {
        break;
      }
      char chunk[16384];
      const ssize_t got = ::recv(fd_, chunk, sizeof chunk, 0);
      if (got <= 0) {
        closed_by_peer_ = true;
        break;
      }
      seen_.append(chunk, static_cast<size_t>(got));
    }
    return seen_;
  }
  const std::string& read_to_end(int timeout_ms = 5'000) { return read_until("", timeout_ms); }
  void forget() { seen_.clear(); }
  void shutdown_send() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) {
      ::close(fd_);
      fd_ = -1;
    }
  }
  [[nodiscard]] bool closed_by_peer() const { return closed_by_peer_; }
  [[nodiscard]] bool connected() const { return connected_; }

 private:
  int fd_;
  bool connected_ = false;
  bool closed_by_peer_ = false;
  std::string seen_;
};

/// A pool and a listener around one handler.
struct TestServer {
  explicit TestServer(server::Handler handler, server::HttpOptions options = {},
                      server::Authenticator* authenticator = nullptr, unsigned threads = 2)
      : pool(threads), listener(pool, std::move(options), std::move(handler), authenticator) {
    const auto started = listener.start();
    if (!started) {
      throw std::runtime_error(started.error().message());
    }
    pool.start();
  }
  ~TestServer() { pool.stop(); }

  server::IoPool pool;
  server::Listener listener;
};

/// Runs a task on an executor from the test's thread.
template <class T>
T run_on(const Executor& executor, Task<T> task) {
  return asio::co_spawn(executor, std::move(task), asio::use_future).get();
}

template <class Condition>
bool eventually(Condition&& condition, int timeout_ms = 5'000) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return false;
    }
    ::usleep(1'000);
  }
  return true;
}

}  // namespace catalyst::test
