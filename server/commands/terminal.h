#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace catalyst::server {

/// True when `fd` is a terminal and neither NO_COLOR is set nor TERM says dumb.
bool use_color(int fd);

/// `text` between the escape codes of a colour, or as it is. Codes: "1" bold, "31" red, "32" green, "33"
/// yellow, "2" dim.
std::string paint(bool color, const char* code, std::string_view text);

/// A progress bar on standard error for work that takes longer than half a second; nothing when standard
/// error is no terminal. `advance` may be called from any thread; the bar is drawn by a thread of its own and
/// erased at the end.
class Progress {
 public:
  /// `total` 0: not known, then only the elapsed time is shown.
  Progress(std::string label, size_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(size_t steps = 1) { done_.fetch_add(steps, std::memory_order_relaxed); }

 private:
  void draw();

  std::string label_;
  size_t total_;
  std::atomic<size_t> done_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace catalyst::server
