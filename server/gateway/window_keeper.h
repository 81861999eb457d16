#pragma once

#include <cstdint>
#include <memory>

#include "runtime/base/result.h"
#include "runtime/decision/windows.h"
#include "runtime/store/store_thread.h"

namespace catalyst::server {

/// Keeps what windows count across restarts: reads it when it is made, and writes what has changed once a
/// second, in one transaction, on a thread of its own. A crash forgets what was counted in the last second.
/// Without a store the counters live in memory alone.
class WindowKeeper {
 public:
  /// `counters`: see MemoryWindowStore. `store`: nullptr, or outlives the keeper. Waits for the store.
  static Result<std::unique_ptr<WindowKeeper>> open(store::StoreThread* store, size_t counters);
  /// Writes what is left.
  ~WindowKeeper();
  WindowKeeper(const WindowKeeper&) = delete;
  WindowKeeper& operator=(const WindowKeeper&) = delete;

  [[nodiscard]] decision::MemoryWindowStore& windows();

 private:
  struct Impl;
  explicit WindowKeeper(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::server
