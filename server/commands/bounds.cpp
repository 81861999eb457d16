#include "server/commands/bounds.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace catalyst::server {

void add_bounds(CLI::App& command, Budget::Limits& bounds) {
  command
      .add_option_function<int64_t>(
          "--max-seconds", [&bounds](int64_t seconds) { bounds.cpu_ms = seconds * 1'000; },
          "processor time for reading the sources, and again for proving; default " +
              std::to_string(bounds.cpu_ms / 1'000))
      ->check(CLI::Range(1, 86'400));
  command
      .add_option_function<uint64_t>(
          "--max-memory", [&bounds](uint64_t mebibytes) { bounds.memory_bytes = mebibytes << 20; },
          "MiB of memory for each of the two; default " + std::to_string(bounds.memory_bytes >> 20))
      ->check(CLI::Range(16, 65'536));
}

}  // namespace catalyst::server
