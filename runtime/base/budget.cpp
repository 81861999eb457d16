#include "runtime/base/budget.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "runtime/base/check.h"

namespace catalyst {
namespace {

int64_t thread_cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Zero where the system does not say.
uint64_t resident_bytes() {
  char text[128] = {};
  const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return 0;
  }
  const ssize_t got = ::read(file, text, sizeof text - 1);
  ::close(file);
  const char* const second = got > 0 ? std::strchr(text, ' ') : nullptr;
  return second == nullptr
             ? 0
             : std::strtoull(second, nullptr, 10) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

thread_local constinit Budget* Budget::current_ = nullptr;

Budget::Budget(const Limits& limits)
    : limits_(limits), began_ns_(thread_cpu_ns()), began_bytes_(resident_bytes()) {
  CHECK(current_ == nullptr, "one budget a thread");
  current_ = this;
}

Budget::~Budget() { current_ = nullptr; }

void Budget::look() {
  steps_ = 0;
  if (spent_ != Spent::No) {
    return;
  }
  const uint64_t bytes = resident_bytes();
  if (thread_cpu_ns() - began_ns_ > limits_.cpu_ms * 1'000'000) {
    spent_ = Spent::Time;
  } else if (bytes > began_bytes_ && bytes - began_bytes_ > limits_.memory_bytes) {
    spent_ = Spent::Memory;
  }
}

}  // namespace catalyst
