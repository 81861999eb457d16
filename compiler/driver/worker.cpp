#include "compiler/driver/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "compiler/driver/worker_bounds.h"
#include "compiler/driver/worker_job.h"
#include "runtime/base/clock.h"

extern char** environ;

namespace catalyst::driver {
namespace {

struct Row {
  std::string_view word;
  std::string_view text;
};
constexpr Row kRows[] = {
#define WORKER_END(name, word, text) {word, text},
#include "compiler/driver/worker_end.def"
#undef WORKER_END
};

/// Values are one more than the enumerator: zero is no error.
class Category final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "worker"; }
  [[nodiscard]] std::string message(int code) const override { return std::string(kRows[code - 1].text); }
};
const Category kCategory;

Error ended(WorkerEnd how, std::string context = {}) {
  return error({static_cast<int>(how) + 1, kCategory}, std::move(context));
}

Error not_started(const char* doing) {
  return ended(WorkerEnd::NotStarted, std::string(doing) + ": " + std::strerror(errno));
}

/// What the answer begins with.
constexpr char kMade = '+';
constexpr char kRefused = '-';
/// What is kept of what the worker wrote to standard error.
constexpr size_t kWordsMax = 2000;

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& from) noexcept : number_(std::exchange(from.number_, -1)) {}
  Descriptor& operator=(Descriptor&& from) noexcept {
    std::swap(number_, from.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) {
      ::close(number_);
    }
  }
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool good() const { return number_ >= 0; }

 private:
  int number_;
};

struct Pipe {
  Descriptor read;
  Descriptor write;

  bool open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
      return false;
    }
    read = Descriptor(ends[0]);
    write = Descriptor(ends[1]);
    return true;
  }
};

/// Memory that holds `bytes` and that nobody can change any more.
Descriptor sealed(std::string_view bytes) {
  Descriptor out(::memfd_create("catalyst-job", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  while (out.good() && !bytes.empty()) {
    const ssize_t written = ::write(out.get(), bytes.data(), bytes.size());
    if (written <= 0) {
      return Descriptor();
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  constexpr int kAll = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  const bool good =
      out.good() && ::lseek(out.get(), 0, SEEK_SET) == 0 && ::fcntl(out.get(), F_ADD_SEALS, kAll) == 0;
  return good ? std::move(out) : Descriptor();
}

/// Of the environment, which holds secrets, only what the program needs to start.
std::vector<char*> needed_environment() {
  std::vector<char*> out;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view text(*each);
    if (text.starts_with("LD_LIBRARY_PATH=") || text.find("SAN_OPTIONS=") != std::string_view::npos) {
      out.push_back(*each);
    }
  }
  out.push_back(nullptr);
  return out;
}

struct Child {
  pid_t pid = -1;
  Descriptor handle;  // names this very process, whatever happens to its number
  Pipe answer;
  Pipe words;
};

/// A group of its own, default signals, the three descriptors and nothing else.
int spawn(const Worker::Options& options, int job, Child& child) {
  const uint64_t seconds = static_cast<uint64_t>(options.time_ms) / 1000 + 2;
  std::vector<std::string> texts = {std::string(Worker::kVerb), std::to_string(::getpid()),
                                    std::to_string(options.memory_bytes), std::to_string(seconds)};
  std::vector<char*> arguments = {const_cast<char*>("catalyst")};
  for (std::string& text : texts) {
    arguments.push_back(text.data());
  }
  arguments.push_back(nullptr);
  std::vector<char*> environment = needed_environment();

  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&how);
  posix_spawn_file_actions_adddup2(&files, job, 0);
  posix_spawn_file_actions_adddup2(&files, child.answer.write.get(), 1);
  posix_spawn_file_actions_adddup2(&files, child.words.write.get(), 2);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&how, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&how, &signals);
  posix_spawnattr_setpgroup(&how, 0);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  const int failure =
      posix_spawn(&child.pid, options.program.c_str(), &files, &how, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&how);
  return failure;
}

/// Reads once. False at the end.
bool take(const Descriptor& from, std::string& into) {
  std::array<char, 64 * 1024> block;
  const ssize_t got = ::read(from.get(), block.data(), block.size());
  if (got > 0) {
    into.append(block.data(), static_cast<size_t>(got));
  }
  return got > 0 || (got < 0 && errno == EINTR);
}

struct Heard {
  std::string answer;
  std::string words;
  bool in_time = true;
  bool too_long = false;
};

/// What the worker says until it closes its side, breaks a bound or is killed.
Heard listen(const Child& child, int64_t deadline_ms, size_t answer_bytes_max) {
  Heard out;
  bool answering = true;
  bool talking = true;
  while (answering || talking) {
    std::array<pollfd, 2> sides{{{answering ? child.answer.read.get() : -1, POLLIN, 0},
                                 {talking ? child.words.read.get() : -1, POLLIN, 0}}};
    const int64_t left = deadline_ms - steady_ms();
    out.in_time = left > 0;
    if (!out.in_time) {
      return out;
    }
    ::poll(sides.data(), sides.size(), static_cast<int>(std::min<int64_t>(left, INT32_MAX)));
    if (sides[0].revents != 0) {
      answering = take(child.answer.read, out.answer);
      out.too_long = out.answer.size() > answer_bytes_max;
      if (out.too_long) {
        return out;
      }
    }
    if (sides[1].revents != 0) {
      talking = take(child.words.read, out.words);
      out.words.resize(std::min(out.words.size(), kWordsMax));
    }
  }
  return out;
}

/// Whatever it is doing, it is gone afterwards.
int reap(const Child& child) {
  ::kill(-child.pid, SIGKILL);  // the group's number is ours until the leader is collected
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

Error late(const Worker::Options& options) {
  return ended(WorkerEnd::Time, "not done within " + std::to_string(options.time_ms) + " ms");
}

/// The way it ended by itself, as far as that says why.
Error why(int status, const Heard& heard, const Worker::Options& options) {
  std::string last = heard.words;
  while (!last.empty() && last.back() == '\n') {
    last.pop_back();
  }
  last = last.empty() ? "" : ", and said: " + last;
  if (WIFEXITED(status) && WEXITSTATUS(status) == kOutOfMemory) {
    return ended(WorkerEnd::Memory, "more than " + std::to_string(options.memory_bytes >> 20) + " MiB");
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
    return late(options);
  }
  return ended(WorkerEnd::Died,
               (WIFSIGNALED(status) ? "killed by signal " + std::to_string(WTERMSIG(status))
                                    : "it exited with " + std::to_string(WEXITSTATUS(status))) +
                   last);
}

std::optional<uint64_t> number(const std::string& text) {
  uint64_t out = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failure == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

bool write_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(to, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) {
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(std::max<ssize_t>(written, 0)));
  }
  return true;
}

}  // namespace

std::string_view word_of(WorkerEnd end) { return kRows[static_cast<size_t>(end)].word; }

std::optional<WorkerEnd> worker_end(const boost::system::error_code& code) {
  return code.category() == kCategory ? std::optional(static_cast<WorkerEnd>(code.value() - 1))
                                      : std::nullopt;
}

Result<std::string> Worker::ask(std::string_view job, size_t answer_bytes_max,
                                const std::stop_token& stop) const {
  const int64_t deadline_ms = steady_ms() + options_.time_ms;
  const Descriptor input = sealed(job);
  Child child;
  if (!input.good() || !child.answer.open() || !child.words.open()) {
    return not_started("handing over the job");
  }
  if (const int failure = spawn(options_, input.get(), child); failure != 0) {
    errno = failure;
    return not_started(options_.program.c_str());
  }
  child.answer.write = Descriptor();
  child.words.write = Descriptor();
  child.handle = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
  Heard heard;
  {
    const std::stop_callback end(
        stop, [&] { ::syscall(SYS_pidfd_send_signal, child.handle.get(), SIGKILL, nullptr, 0); });
    heard = listen(child, deadline_ms, answer_bytes_max + 1);
  }
  const int status = reap(child);
  if (stop.stop_requested()) {
    return ended(WorkerEnd::Stopped);
  }
  if (!heard.in_time) {
    return late(options_);
  }
  if (heard.too_long) {
    return ended(WorkerEnd::Refused, "more than " + std::to_string(answer_bytes_max) + " bytes came back");
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || heard.answer.empty()) {
    return why(status, heard, options_);
  }
  const bool made = heard.answer.front() == kMade;
  heard.answer.erase(0, 1);
  return made ? Result<std::string>(std::move(heard.answer))
              : ended(WorkerEnd::Refused, std::move(heard.answer));
}

int Worker::serve(const std::vector<std::string>& arguments) {
  constexpr int kUsage = 2;
  const auto parent = arguments.size() == 3 ? number(arguments[0]) : std::nullopt;
  const auto memory = parent ? number(arguments[1]) : std::nullopt;
  const auto seconds = memory ? number(arguments[2]) : std::nullopt;
  struct stat input{};
  if (!seconds || ::fstat(0, &input) != 0 || input.st_size <= 0 ||
      !bind_worker(static_cast<int>(*parent), *memory, *seconds)) {
    return kUsage;
  }
  const auto size = static_cast<size_t>(input.st_size);
  const void* job = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, 0, 0);
  if (job == MAP_FAILED) {
    return kOutOfMemory;
  }
  const Result<std::string> made = do_job({static_cast<const char*>(job), size});
  const std::string text = made.has_error() ? kRefused + made.error().message() : kMade + *made;
  // What is left to tidy up is the kernel's to take.
  ::_exit(write_all(1, text) ? 0 : kUsage);
}

}  // namespace catalyst::driver
