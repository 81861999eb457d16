#pragma once

// The pipes of one child: newline-delimited JSON-RPC on its stdin and stdout.

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/asio.h"
#include "runtime/mcp/child_process.h"
#include "runtime/mcp/duplex_link.h"

namespace catalyst::mcp {

struct StdioLinkOptions {
  ChildOptions child;
  int64_t stop_grace_ms = 2'000;  // after closing stdin, and again after SIGTERM
  size_t max_log_line_bytes = 8 * 1024;
  std::function<void(std::string_view line)> log_stderr = [](auto&&) {};  // one line, control bytes escaped
};

/// Opens a link by starting the child. The thread of its executor owns the child: it must live until the link
/// is buried.
DuplexConnect connect_child(StdioLinkOptions options);

/// Reads lines and writes messages until it is buried.
class StdioLink final : public DuplexLink, public std::enable_shared_from_this<StdioLink> {
 public:
  StdioLink(const Executor& executor, const Child& child, StdioLinkOptions options, DuplexEvents events);

  void start();
  /// A line end is added.
  bool write(std::string_view message) override;
  [[nodiscard]] bool ended() const override { return exited_ || stdout_ended_; }
  [[nodiscard]] std::string_view what() const override { return "the server process"; }
  /// Ends the child by degrees and collects it with its whole group.
  Task<std::string> bury() override;

 private:
  using Descriptor = asio::posix::stream_descriptor;

  void read_stdout();
  void take_stdout(size_t length);
  void read_stderr();
  void take_stderr(size_t length);
  void flush();
  void watch_exit();
  void end();
  void close_stdin();
  void close();
  Task<bool> wait_exit(int64_t ms);

  const pid_t pid_;
  const StdioLinkOptions options_;
  const DuplexEvents events_;
  Descriptor stdin_;
  Descriptor stdout_;
  Descriptor stderr_;
  Descriptor pid_fd_;
  std::vector<char> out_chunk_ = std::vector<char>(64 * 1024);
  std::vector<char> err_chunk_ = std::vector<char>(4 * 1024);
  std::string line_;           // unfinished line of stdout
  size_t oversize_bytes_ = 0;  // of a line that is being dropped; 0: none
  std::string err_line_;
  bool err_cut_ = false;
  std::string queued_;
  std::string writing_;
  bool write_pending_ = false;
  bool exited_ = false;
  bool stdout_ended_ = false;
  bool closed_ = false;
  SteadyTimer waiting_;  // of bury()
};

}  // namespace catalyst::mcp
