#include "runtime/mcp/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

namespace catalyst::mcp {
namespace {

Error last_failure(std::string doing) {
  return error(boost::system::error_code(errno, boost::system::system_category()), std::move(doing));
}

/// A pipe that closes what has not been released.
struct Pipe {
  int read = -1;
  int write = -1;
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    drop(read);
    drop(write);
  }
  bool open() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
      return false;
    }
    read = ends[0];
    write = ends[1];
    return true;
  }
  static void drop(int& fd) {
    if (fd >= 0) {
      ::close(fd);
      fd = -1;
    }
  }
  static int release(int& fd) {
    const int out = fd;
    fd = -1;
    return out;
  }
};

struct Pipes {
  Pipe in;
  Pipe out;
  Pipe err;
  Pipe failure;  // errno of a child that could not become the command
};

/// argv and envp, made before fork: the child may not allocate.
struct Image {
  std::vector<std::string> texts;
  std::vector<char*> argv;
  std::vector<char*> envp;
};

Image image_of(const ChildOptions& options) {
  Image image;
  for (const auto& [name, text] : options.env) {
    image.texts.push_back(name + "=" + text);
  }
  for (const std::string& name : options.inherit) {
    const char* text = getenv(name.c_str());
    const bool replaced = std::any_of(options.env.begin(), options.env.end(),
                                      [&](const auto& own) { return own.first == name; });
    if (text != nullptr && !replaced) {
      image.texts.push_back(name + "=" + text);
    }
  }
  for (std::string& text : image.texts) {
    image.envp.push_back(text.data());
  }
  image.envp.push_back(nullptr);
  image.argv.push_back(const_cast<char*>(options.command.c_str()));
  for (const std::string& arg : options.args) {
    image.argv.push_back(const_cast<char*>(arg.c_str()));
  }
  image.argv.push_back(nullptr);
  return image;
}

/// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(const ChildOptions& options, const Image& image, const Pipes& pipes, pid_t parent) {
  const auto give_up = [&] {
    const int number = errno;
    [[maybe_unused]] const ssize_t written = ::write(pipes.failure.write, &number, sizeof number);
    _exit(127);
  };
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) {
    _exit(127);  // we were orphaned before the line above took effect
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < 32; ++number) {
    signal(number, SIG_DFL);
  }
  if (dup2(pipes.in.read, 0) < 0 || dup2(pipes.out.write, 1) < 0 || dup2(pipes.err.write, 2) < 0) {
    give_up();
  }
  if (!options.cwd.empty() && chdir(options.cwd.c_str()) != 0) {
    give_up();
  }
  // Sockets of ours are not all opened close-on-exec.
  constexpr unsigned kCloseOnExec = 1U << 2;
  if (syscall(SYS_close_range, 3U, ~0U, kCloseOnExec) != 0) {
    for (int fd = 3; fd < 1024; ++fd) {
      fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
  }
  environ = const_cast<char**>(image.envp.data());
  execvp(image.argv[0], image.argv.data());
  give_up();
  _exit(127);
}

bool set_non_blocking(int fd) { return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0; }

}  // namespace

Result<Child> spawn_child(const ChildOptions& options) {
  Pipes pipes;
  if (!pipes.in.open() || !pipes.out.open() || !pipes.err.open() || !pipes.failure.open()) {
    return last_failure("pipes for " + options.command);
  }
  const Image image = image_of(options);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    return last_failure("fork for " + options.command);
  }
  if (pid == 0) {
    become(options, image, pipes, parent);
  }
  setpgid(pid, pid);
  Pipe::drop(pipes.failure.write);
  int number = 0;
  ssize_t got = 0;
  do {
    got = ::read(pipes.failure.read, &number, sizeof number);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof number) {
    waitpid(pid, nullptr, 0);
    return error(boost::system::error_code(number, boost::system::system_category()),
                 "starting " + options.command);
  }
  Child child;
  child.pid = pid;
  child.pid_fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (child.pid_fd < 0 || !set_non_blocking(pipes.in.write) || !set_non_blocking(pipes.out.read) ||
      !set_non_blocking(pipes.err.read)) {
    Error failure = last_failure("watching " + options.command);
    Pipe::drop(child.pid_fd);
    kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return failure;
  }
  child.stdin_fd = Pipe::release(pipes.in.write);
  child.stdout_fd = Pipe::release(pipes.out.read);
  child.stderr_fd = Pipe::release(pipes.err.read);
  return child;
}

void signal_group(pid_t pid, int number) { kill(-pid, number); }

std::string reap_child(pid_t pid) {
  kill(-pid, SIGKILL);  // grandchildren; the group's number is ours until the leader is collected
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    return "killed by signal " + std::to_string(WTERMSIG(status));
  }
  return "exited with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace catalyst::mcp
