#include "server/commands/watch.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <thread>

#include "server/commands/sources.h"

namespace catalyst::server {
namespace {

constexpr std::chrono::milliseconds kPause{100};  // between two looks at the files

/// When the policy files last changed; whatever cannot be read counts as nothing.
std::map<std::string, std::filesystem::file_time_type> times_of(const std::vector<std::string>& arguments) {
  std::map<std::string, std::filesystem::file_time_type> out;
  const auto files = find_sources(arguments);
  for (const std::string& file : files.has_error() ? std::vector<std::string>{} : *files) {
    std::error_code failure;
    out[file] = std::filesystem::last_write_time(file, failure);
  }
  return out;
}

}  // namespace

void run_at_every_change(const std::vector<std::string>& arguments, const std::function<void()>& run) {
  for (;;) {
    const auto seen = times_of(arguments);
    const auto start = std::chrono::steady_clock::now();
    run();
    std::fflush(stdout);
    const auto took = std::chrono::steady_clock::now() - start;
    std::fprintf(stderr, "done in %lld ms, waiting for changes\n",
                 static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
    while (times_of(arguments) == seen) {
      std::this_thread::sleep_for(kPause);
    }
  }
}

}  // namespace catalyst::server
