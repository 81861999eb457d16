#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

namespace catalyst::mcp {

/// Exponential waits with jitter between half and the whole of the step, so that many engines do not come
/// back at once.
class Backoff {
 public:
  Backoff(int64_t min_ms, int64_t max_ms)
      : min_ms_(min_ms), max_ms_(max_ms), step_ms_(min_ms), random_(std::random_device{}()) {}

  int64_t next_ms() {
    const int64_t step = step_ms_;
    step_ms_ = std::min(max_ms_, step_ms_ * 2);
    return std::uniform_int_distribution<int64_t>(step / 2, step)(random_);
  }
  void reset() { step_ms_ = min_ms_; }

 private:
  int64_t min_ms_;
  int64_t max_ms_;
  int64_t step_ms_;
  std::minstd_rand random_;
};

}  // namespace catalyst::mcp
