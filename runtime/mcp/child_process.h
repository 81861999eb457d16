#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/result.h"

namespace catalyst::mcp {

struct ChildOptions {
  std::string command;  // looked up in the child's PATH unless it has a slash; never given to a shell
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;  // beside and before what is inherited
  /// What the child gets of our own environment. Not all of it: it holds the secrets of other servers.
  std::vector<std::string> inherit = {"HOME",  "LANG", "LC_ALL", "LOGNAME", "PATH",
                                      "SHELL", "TERM", "TMPDIR", "TZ",      "USER"};
  std::string cwd;  // "" stays where we are
};

/// A running child in a process group of its own. The descriptors are ours, non-blocking and close-on-exec;
/// whoever holds this closes them and reaps the process.
struct Child {
  pid_t pid = -1;
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  int pid_fd = -1;  // readable once the child has exited
};

/// Starts the child with all signals at their defaults and no descriptor of ours but the three pipes. It is
/// killed when the calling thread ends, so call from a thread that lives as long as the child may. An error
/// carries errno of what failed, exec included.
Result<Child> spawn_child(const ChildOptions& options);

/// Sends a signal to the child's whole group; harmless when nobody is left. Only before reap_child.
void signal_group(pid_t pid, int signal);

/// Kills what is left of the group and collects the exit status ("exited with status 1", "killed by signal
/// 9"). The child must have exited.
std::string reap_child(pid_t pid);

}  // namespace catalyst::mcp
