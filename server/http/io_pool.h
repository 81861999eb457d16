#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/base/asio.h"

namespace catalyst::server {

/// One io_context a thread. A connection, and the upstream connections used on its behalf, stay on the
/// context they began on, so nothing on the request path needs a lock. Contexts live until the pool is
/// destroyed; destroy whatever uses them first.
class IoPool {
 public:
  /// `threads` 0 means one per core.
  explicit IoPool(unsigned threads = 0);
  ~IoPool();
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  [[nodiscard]] size_t size() const { return contexts_.size(); }
  [[nodiscard]] asio::io_context& context(size_t index) { return *contexts_[index]; }
  [[nodiscard]] Executor executor(size_t index);

  /// Starts the threads; they run until stop(), also while there is nothing to do.
  void start();
  /// Ends the loops where they are and joins the threads. Idempotent; not from one of the pool's threads.
  void stop();

 private:
  std::vector<std::unique_ptr<asio::io_context>> contexts_;
  std::vector<asio::executor_work_guard<Executor>> work_;
  std::vector<std::thread> threads_;
};

}  // namespace catalyst::server
