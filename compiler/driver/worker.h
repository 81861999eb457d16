#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.h"

namespace catalyst::driver {

/// How a worker ended without what it was asked for: the code of errors of `Worker::ask`.
enum class WorkerEnd : uint8_t {
#define WORKER_END(name, word, text) name,
#include "compiler/driver/worker_end.def"
#undef WORKER_END
};
inline constexpr size_t kWorkerEndCount = 0
#define WORKER_END(name, word, text) +1
#include "compiler/driver/worker_end.def"
#undef WORKER_END
    ;
/// "time"; for logs and metrics.
std::string_view word_of(WorkerEnd end);
/// Nothing when the code is not a worker's.
std::optional<WorkerEnd> worker_end(const boost::system::error_code& code);

/// A process that compiles for another one, so that what compiling takes has bounds, and is gone afterwards:
/// the same program, started anew with `kVerb`. It inherits nothing but its pipes, can open nothing, has the
/// least privileges the system lets it give itself, and dies with the process, and the thread, that asked.
///
/// The bounds protect whoever asks from running out of memory or time, and from dying. They are no reason to
/// trust what comes back less or more than code that was made here.
class Worker {
 public:
  struct Options {
    int64_t time_ms = 5 * 60 * 1000;                           // by the clock
    uint64_t memory_bytes = uint64_t{2} * 1024 * 1024 * 1024;  // beside the program itself
    std::string program = "/proc/self/exe";
  };

  explicit Worker(Options options) : options_(std::move(options)) {}

  /// The answer of a fresh worker to `job` (worker_job.h): at most `answer_bytes_max`. Errors have a
  /// WorkerEnd. Any thread, several at once; blocks until the worker is gone. One attempt, whatever comes of
  /// it.
  [[nodiscard]] Result<std::string> ask(std::string_view job, size_t answer_bytes_max,
                                        const std::stop_token& stop) const;

  [[nodiscard]] const Options& options() const { return options_; }

  /// The first argument by which main() knows that this process is a worker.
  static constexpr std::string_view kVerb = "compile-worker";
  /// What a worker does instead of main(): reads the job, answers, ends. `arguments` are those behind
  /// kVerb. The exit code.
  static int serve(const std::vector<std::string>& arguments);

 private:
  Options options_;
};

}  // namespace catalyst::driver
