#include "runtime/mcp/stdio_link.h"

#include <signal.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

#include "runtime/mcp/upstream_wire.h"

namespace catalyst::mcp {

using boost::system::error_code;

namespace {

/// Between the exit and the end of stdout: what the child wrote last is still in the pipe.
constexpr int64_t kLastWordsMs = 100;

}  // namespace

DuplexConnect connect_child(StdioLinkOptions options) {
  return [options = std::move(options)](const Executor& home,
                                        DuplexEvents events) -> Task<Result<std::shared_ptr<DuplexLink>>> {
    const Result<Child> child = spawn_child(options.child);
    if (!child) {
      co_return child.error();
    }
    const auto link = std::make_shared<StdioLink>(home, *child, options, std::move(events));
    link->start();
    co_return std::static_pointer_cast<DuplexLink>(link);
  };
}

StdioLink::StdioLink(const Executor& executor, const Child& child, StdioLinkOptions options,
                     DuplexEvents events)
    : pid_(child.pid),
      options_(std::move(options)),
      events_(std::move(events)),
      stdin_(executor, child.stdin_fd),
      stdout_(executor, child.stdout_fd),
      stderr_(executor, child.stderr_fd),
      pid_fd_(executor, child.pid_fd),
      waiting_(executor) {}

void StdioLink::start() {
  read_stdout();
  read_stderr();
  watch_exit();
}

void StdioLink::read_stdout() {
  stdout_.async_read_some(asio::buffer(out_chunk_),
                          [self = shared_from_this()](const error_code& ec, size_t length) {
                            if (self->closed_) {
                              return;
                            }
                            if (ec) {
                              self->stdout_ended_ = true;
                              self->end();
                              return;
                            }
                            self->take_stdout(length);
                            if (!self->closed_) {
                              self->read_stdout();
                            }
                          });
}

void StdioLink::take_stdout(size_t length) {
  std::string_view bytes(out_chunk_.data(), length);
  while (!bytes.empty() && !closed_) {
    const size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (oversize_bytes_ != 0) {
      oversize_bytes_ += piece.size();
    } else if (line_.size() + piece.size() > events_.max_message_bytes) {
      oversize_bytes_ = line_.size() + piece.size();
      std::string().swap(line_);
    } else if (end == std::string_view::npos || !line_.empty()) {
      line_.append(piece);
    }
    if (end == std::string_view::npos) {
      return;
    }
    if (oversize_bytes_ != 0) {
      events_.on_oversize(oversize_bytes_);
      oversize_bytes_ = 0;
    } else {
      std::string_view line = line_.empty() ? piece : std::string_view(line_);
      if (line.ends_with('\r')) {
        line.remove_suffix(1);
      }
      if (!line.empty()) {
        events_.on_message(line);
      }
      line_.clear();
    }
    bytes.remove_prefix(end + 1);
  }
}

void StdioLink::read_stderr() {
  stderr_.async_read_some(asio::buffer(err_chunk_),
                          [self = shared_from_this()](const error_code& ec, size_t length) {
                            if (self->closed_ || ec) {
                              return;
                            }
                            self->take_stderr(length);
                            self->read_stderr();
                          });
}

void StdioLink::take_stderr(size_t length) {
  std::string_view bytes(err_chunk_.data(), length);
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    const size_t room = options_.max_log_line_bytes - err_line_.size();
    err_cut_ = err_cut_ || piece.size() > room;
    err_line_.append(piece.substr(0, room));
    if (end == std::string_view::npos) {
      return;
    }
    if (err_line_.ends_with('\r')) {
      err_line_.pop_back();
    }
    options_.log_stderr(printable(err_cut_ ? err_line_ + "..." : err_line_, options_.max_log_line_bytes + 3));
    err_line_.clear();
    err_cut_ = false;
    bytes.remove_prefix(end + 1);
  }
}

bool StdioLink::write(std::string_view message) {
  if (closed_ || !stdin_.is_open() ||
      queued_.size() + writing_.size() + message.size() > events_.max_queued_bytes) {
    return false;
  }
  const size_t start = queued_.size();
  queued_ += message;
  // Outside of strings a line break is white space, and inside it cannot be: a space means the same.
  for (size_t i = start; (i = queued_.find_first_of("\r\n", i)) != std::string::npos; ++i) {
    queued_[i] = ' ';
  }
  queued_ += '\n';
  if (!write_pending_) {
    flush();
  }
  return true;
}

void StdioLink::flush() {
  write_pending_ = true;
  writing_.clear();
  writing_.swap(queued_);
  asio::async_write(
      stdin_, asio::buffer(writing_), [self = shared_from_this()](const error_code& ec, size_t) {
        self->write_pending_ = false;
        if (ec) {
          self->queued_.clear();  // a child that closed its stdin is about to end, or will be ended
          self->writing_.clear();
          self->close_stdin();
          return;
        }
        if (!self->queued_.empty()) {
          self->flush();
        } else if (self->writing_.capacity() > 1024 * 1024) {
          std::string().swap(self->writing_);
        } else {
          self->writing_.clear();
        }
      });
}

void StdioLink::watch_exit() {
  pid_fd_.async_wait(Descriptor::wait_read, [self = shared_from_this()](const error_code& ec) {
    if (!ec) {
      self->exited_ = true;
      self->end();
    }
  });
}

void StdioLink::end() {
  waiting_.cancel();
  if (!closed_) {
    events_.on_end();
  }
}

void StdioLink::close_stdin() {
  error_code ignored;
  stdin_.close(ignored);
}

/// True when the child has exited by then.
Task<bool> StdioLink::wait_exit(int64_t ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  while (!exited_ && std::chrono::steady_clock::now() < deadline) {
    waiting_.expires_at(deadline);
    error_code ec;
    co_await waiting_.async_wait(asio::redirect_error(use_awaitable, ec));
  }
  co_return exited_;
}

Task<std::string> StdioLink::bury() {
  const std::shared_ptr<StdioLink> self = shared_from_this();
  if (exited_ && !stdout_ended_) {
    waiting_.expires_after(std::chrono::milliseconds(kLastWordsMs));
    error_code ec;
    co_await waiting_.async_wait(asio::redirect_error(use_awaitable, ec));
  }
  close_stdin();
  if (!co_await wait_exit(options_.stop_grace_ms)) {
    signal_group(pid_, SIGTERM);
    if (!co_await wait_exit(options_.stop_grace_ms)) {
      signal_group(pid_, SIGKILL);
      co_await wait_exit(options_.stop_grace_ms);
    }
  }
  close();
  co_return reap_child(pid_);
}

void StdioLink::close() {
  closed_ = true;
  error_code ignored;
  stdin_.close(ignored);
  stdout_.close(ignored);
  stderr_.close(ignored);
  pid_fd_.close(ignored);
}

}  // namespace catalyst::mcp
