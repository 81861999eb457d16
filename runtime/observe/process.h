#pragma once

#include <cstdint>

namespace catalyst::observe {

/// What the system knows about this process; zero where it does not say.
struct ProcessSample {
  double cpu_seconds = 0;
  uint64_t resident_bytes = 0;
  uint64_t open_files = 0;
  double start_time_seconds = 0;  // since the epoch
};
ProcessSample sample_process();

}  // namespace catalyst::observe
