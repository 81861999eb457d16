#pragma once

// Internal to the stdio transport: the pipes of one child.

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/asio.h"
#include "runtime/mcp/child_process.h"

namespace catalyst::mcp {

struct StdioLinkOptions {
  size_t max_message_bytes;
  size_t max_queued_bytes;
  size_t max_log_line_bytes;
  std::function<void(std::string_view)> on_message;  // a line of stdout, without its end
  std::function<void(size_t bytes)> on_oversize;     // a line of stdout that was dropped
  std::function<void(std::string_view)> on_stderr;   // a line of stderr, raw, cut at the limit
  std::function<void()> on_end;                      // stdout ended, and again when the process has exited
};

/// Reads lines and writes messages until close(). One executor; the callbacks run there and stop with
/// close().
class StdioLink : public std::enable_shared_from_this<StdioLink> {
 public:
  StdioLink(const Executor& executor, const Child& child, StdioLinkOptions options);

  void start();
  /// Queues one message; a line end is added. False when the child has not read what was queued before.
  bool write(std::string_view message);
  void close_stdin();
  void close();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool exited() const { return exited_; }
  [[nodiscard]] bool stdout_ended() const { return stdout_ended_; }

 private:
  using Descriptor = asio::posix::stream_descriptor;

  void read_stdout();
  void take_stdout(size_t length);
  void read_stderr();
  void take_stderr(size_t length);
  void flush();
  void watch_exit();
  void end();

  const pid_t pid_;
  StdioLinkOptions options_;
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
};

}  // namespace catalyst::mcp
