// The writing half of a connection.

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <cstring>

#include "runtime/base/check.h"
#include "runtime/base/join.h"
#include "server/http/compress.h"
#include "server/http/connection.h"

namespace catalyst::server {

using boost::system::error_code;

namespace {

constexpr size_t kMaxBacklog = 256;

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Status";
  }
}

void append_number(std::string& out, size_t number, int base) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), end);
}

/// Values may come from an upstream: a line break in one would let it write headers of its own.
bool is_clean(std::string_view text) {
  bool dirty = false;
  for (const char c : text) {
    dirty |= c == '\n' || c == '\r' || c == '\0';  // no way out: the compiler looks at 16 bytes at once
  }
  return !dirty;
}

bool is_event_stream(std::span<const mcp::Header> headers) {
  for (const mcp::Header& header : headers) {
    if (header.value.starts_with("text/event-stream")) {
      return true;
    }
  }
  return false;
}

}  // namespace

void Connection::append_head(int status, std::span<const mcp::Header> headers) {
  out_ += "HTTP/1.1 ";
  append_number(out_, static_cast<size_t>(status), 10);
  out_ += ' ';
  out_ += reason_of(status);
  out_ += "\r\n";
  out_ += shard_->date_line;
  for (const mcp::Header& header : headers) {
    if (is_clean(header.name) && is_clean(header.value)) {
      out_ += header.name;
      out_ += ": ";
      out_ += header.value;
      out_ += "\r\n";
    }
  }
  out_ += "X-Request-Id: ";
  out_ += request_id_;
  out_ += !keep_alive_ || shard_->draining ? "\r\nConnection: close\r\n" : "\r\n";
}

/// One system call in the usual case. True when everything is out; otherwise `buffers` holds the rest, or
/// gone_ is set.
bool Connection::write_now(Buffers& buffers) {
  error_code ec;
  const bool single = buffers[1].size() == 0 && buffers[2].size() == 0;  // send() costs less than sendmsg()
  size_t sent = single ? socket_.write_some(buffers[0], ec) : socket_.write_some(buffers, ec);
  if (ec && ec != asio::error::would_block) {
    gone_ = true;
    return false;
  }
  bool complete = true;
  for (asio::const_buffer& buffer : buffers) {
    const size_t taken = std::min(sent, buffer.size());
    buffer += taken;
    sent -= taken;
    complete = complete && buffer.size() == 0;
  }
  last_write_ms_ = shard_->now_ms;
  return complete;
}

Task<Result<void>> Connection::write_all(Buffers buffers) {
  return tls_ ? write_tls(buffers) : write_raw(buffers);
}

Task<Result<void>> Connection::write_raw(Buffers buffers) {
  if (gone_) {
    co_return error(asio::error::connection_reset, "writing to the client");
  }
  if (backlog_.empty()) {
    if (write_now(buffers)) {
      co_return Result<void>{};
    }
    if (gone_) {
      co_return error(asio::error::connection_reset, "writing to the client");
    }
  }
  writing_ = true;
  write_deadline_ms_ = shard_->now_ms + options().write_timeout_ms;
  error_code ec;
  if (!backlog_.empty()) {
    co_await asio::async_write(socket_, asio::buffer(backlog_), asio::redirect_error(use_awaitable, ec));
    backlog_.clear();
  }
  if (!ec) {
    co_await asio::async_write(socket_, buffers, asio::redirect_error(use_awaitable, ec));
  }
  write_deadline_ms_ = 0;
  last_write_ms_ = shard_->now_ms;
  if (ec) {
    gone_ = true;  // half a message is out: nothing can follow it
    writing_ = false;
    co_return error(ec, "writing to the client");
  }
  writing_ = false;
  co_return Result<void>{};
}

Task<Result<void>> Connection::respond(int status, std::span<const mcp::Header> headers,
                                       std::string_view body) {
  CHECK(answer_ == Answer::None, "one answer per exchange");
  answer_ = Answer::Complete;
  out_.clear();
  append_head(status, headers);
  if (options().compress_from != 0 && body.size() >= options().compress_from) {
    body = compressed(body);
  }
  if (status != 204 && status != 304) {
    out_ += "Content-Length: ";
    append_number(out_, body.size(), 10);
    out_ += "\r\n";
  }
  out_ += "\r\n";
  if (status == 204 || status == 304 || method() == "HEAD") {
    body = {};
  }
  if (body.size() <= kJoinBytes && !tls_ && !gone_ && shard_->sends.is_shared()) {
    out_ += body;
    return write_later();
  }
  return write_behind(body, {});
}

Task<Result<void>> Connection::write_later() {
  shard_->sends.add(*this);
  co_return Result<void>{};
}

void Connection::send() {
  Buffers buffers{asio::buffer(out_)};
  if (!write_now(buffers) && !gone_) {
    late_ = true;
    asio::co_spawn(shard_->context.get_executor(), write_raw(buffers),
                   [self = shared_from_this()](const std::exception_ptr&, const Result<void>&) {
                     self->late_ = false;
                     if (self->handled_) {
                       self->finish();
                     }
                   });
  } else if (handled_ && in_begin_ == in_end_) {
    finish();
  } else if (handled_) {
    asio::post(shard_->context, [self = shared_from_this()] {
      if (self->phase_ == Phase::Handling) {
        self->finish();
      }
    });
  }
}

/// What is in out_, then `body`, then `end`.
Task<Result<void>> Connection::write_behind(std::string_view body, std::string_view end) {
  if (body.size() <= kJoinBytes) {
    out_ += body;
    out_ += end;
    return write_all(Buffers{asio::buffer(out_)});
  }
  return write_all(Buffers{asio::buffer(out_), asio::buffer(body.data(), body.size()),
                           asio::buffer(end.data(), end.size())});
}

/// The body in a coding that the client takes, with the headers that say so; as it is when there is none.
std::string_view Connection::compressed(std::string_view body) {
  out_ += "Vary: Accept-Encoding\r\n";
  const Coding coding = choose_coding(header("Accept-Encoding").value_or(std::string_view()));
  if (coding == Coding::None) {
    return body;
  }
  compressed_ = compress(coding, body);
  if (compressed_.empty()) {
    return body;
  }
  out_.append("Content-Encoding: ").append(coding_name(coding)).append("\r\n");
  return compressed_;
}

Task<Result<void>> Connection::begin_stream(int status, std::span<const mcp::Header> headers,
                                            std::string_view first) {
  CHECK(answer_ == Answer::None, "one answer per exchange");
  answer_ = Answer::Streaming;
  event_stream_ = is_event_stream(headers);
  keep_alive_ = keep_alive_ && head_.http11;
  out_.clear();
  append_head(status, headers);
  if (event_stream_) {
    out_ += "X-Accel-Buffering: no\r\n";
  }
  out_ += head_.http11 ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
  append_chunk_size(first.size());
  return write_behind(first, first.empty() ? std::string_view() : chunk_end());
}

Task<Result<void>> Connection::begin_upgrade() {
  CHECK(answer_ == Answer::None, "one answer per exchange");
  answer_ = Answer::Streaming;
  upgraded_ = true;
  keep_alive_ = false;
  co_return Result<void>();
}

Task<Result<void>> Connection::write(std::string_view chunk) {
  CHECK(answer_ == Answer::Streaming, "write follows begin_stream");
  out_.clear();
  append_chunk_size(chunk.size());
  return write_behind(chunk, chunk.empty() ? std::string_view() : chunk_end());
}

Task<Result<void>> Connection::end_stream(std::string_view last) {
  CHECK(answer_ == Answer::Streaming, "end_stream follows begin_stream");
  answer_ = Answer::Ended;
  out_.clear();
  append_chunk_size(last.size());
  const bool chunked = head_.http11 && !upgraded_;
  return write_behind(last, !chunked ? std::string_view() : last.empty() ? "0\r\n\r\n" : "\r\n0\r\n\r\n");
}

std::string_view Connection::chunk_end() const { return head_.http11 && !upgraded_ ? "\r\n" : ""; }

/// Nothing where there are no chunks, and for none: an empty chunk would end the stream.
void Connection::append_chunk_size(size_t bytes) {
  if (head_.http11 && !upgraded_ && bytes > 0) {
    append_number(out_, bytes, 16);
    out_ += "\r\n";
  }
}

/// Runs between the handler's writes: what the socket does not take is kept for the next write, never waited
/// for.
void Connection::send_keepalive() {
  constexpr std::string_view kComment = ": keepalive\n\n";
  if (!backlog_.empty()) {
    if (shard_->now_ms - last_write_ms_ >= options().keepalive_ms + options().write_timeout_ms) {
      shard_->config->count(Refusal::NotReading);
      abort();
    }
    return;
  }
  std::string text;
  if (head_.http11) {
    append_number(text, kComment.size(), 16);
    text += "\r\n";
    text += kComment;
    text += "\r\n";
  } else {
    text = kComment;
  }
  if (tls_) {
    tls_->write(text);
    flush_tls();
    return;
  }
  Buffers buffers{asio::buffer(text)};
  if (!write_now(buffers) && !gone_) {
    backlog_.assign(static_cast<const char*>(buffers[0].data()), buffers[0].size());
    DCHECK(backlog_.size() < kMaxBacklog, "one comment at most");
  }
}

}  // namespace catalyst::server
