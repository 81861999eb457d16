#include "server/commands/terminal.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace catalyst::server {

bool use_color(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return isatty(fd) == 1 && (no_color == nullptr || *no_color == '\0') &&
         (term == nullptr || std::strcmp(term, "dumb") != 0);
}

std::string paint(bool color, const char* code, std::string_view text) {
  if (!color) {
    return std::string(text);
  }
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

Progress::Progress(std::string label, size_t total) : label_(std::move(label)), total_(total) {
  if (isatty(STDERR_FILENO) == 1) {
    thread_ = std::thread([this] { draw(); });
  }
}

Progress::~Progress() {
  if (!thread_.joinable()) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Progress::draw() {
  constexpr size_t kWidth = 30;
  const auto start = std::chrono::steady_clock::now();
  bool drawn = false;
  std::unique_lock lock(mutex_);
  // The first half second shows nothing: most work is over by then.
  auto pause = std::chrono::milliseconds(500);
  while (!wake_.wait_for(lock, pause, [this] { return stop_; })) {
    pause = std::chrono::milliseconds(100);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const size_t done = done_.load(std::memory_order_relaxed);
    if (total_ > 0) {
      const size_t filled = done >= total_ ? kWidth : kWidth * done / total_;
      const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
      std::fprintf(stderr, "\r\x1b[2K%s [%s] %zu/%zu  %.1f s", label_.c_str(), bar.c_str(), done, total_,
                   seconds);
    } else {
      std::fprintf(stderr, "\r\x1b[2K%s  %.1f s", label_.c_str(), seconds);
    }
    drawn = true;
  }
  if (drawn) {
    std::fputs("\r\x1b[2K", stderr);
  }
}

}  // namespace catalyst::server
