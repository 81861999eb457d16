#include "runtime/mcp/http_connection.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <cstring>

#include "runtime/base/clock.h"
#include "runtime/base/join.h"

namespace catalyst::mcp {

using boost::system::error_code;
namespace errc = boost::system::errc;

namespace {

/// The size of a head bounds them before.
constexpr size_t kMaxFields = SIZE_MAX;
constexpr int kMaxInterim = 8;  // 1xx answers before the real one
/// How much of a body is read at once, should that much be on its way.
constexpr size_t kBodyReadBytes = 64 * 1024;
/// A server's Content-Length must not make us reserve more than this before its bytes arrive.
constexpr uint64_t kReserveMax = 4 * 1024 * 1024;

/// Brackets a wait: what the deadline ended is a time-out, not an abort.
error_code judge(const HttpConnection& connection, const error_code& ec) {
  return ec && connection.timed_out ? error_code(asio::error::timed_out) : ec;
}

using Buffers = std::array<asio::const_buffer, 4>;

bool is_single(const Buffers& buffers) {
  return buffers[1].size() == 0 && buffers[2].size() == 0 && buffers[3].size() == 0;
}

/// One system call in the usual case. False when some is left; `ec` on failure.
bool write_now(HttpConnection& connection, Buffers& buffers, error_code& ec) {
  size_t sent = is_single(buffers) ? connection.socket.write_some(buffers[0], ec)
                                   : connection.socket.write_some(buffers, ec);
  if (ec == asio::error::would_block) {
    ec = {};
    sent = 0;
  }
  bool complete = !ec;
  for (asio::const_buffer& buffer : buffers) {
    const size_t taken = std::min(sent, buffer.size());
    buffer += taken;
    sent -= taken;
    complete = complete && buffer.size() == 0;
  }
  return complete;
}

void append_length(std::string& out, size_t length) {
  std::array<char, 20> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), length).ptr);
}

Buffers frame_request(HttpConnection& connection, const HttpRequest& request) {
  connection.out.assign(request.head);
  connection.out +=
      "Accept-Encoding: identity\r\n";  // without it any coding would do (RFC 9110 section 12.5.3)
  size_t length = 0;
  for (const std::string_view piece : request.body) {
    length += piece.size();
  }
  if (request.has_body) {
    connection.out += "Content-Length: ";
    append_length(connection.out, length);
    connection.out += "\r\n";
  }
  connection.out += "\r\n";
  if (length <= kJoinBytes) {
    for (const std::string_view piece : request.body) {
      connection.out += piece;
    }
    return Buffers{asio::buffer(connection.out)};
  }
  Buffers buffers{asio::buffer(connection.out)};
  for (size_t i = 0; i < request.body.size(); ++i) {
    buffers[i + 1] = asio::buffer(request.body[i].data(), request.body[i].size());
  }
  return buffers;
}

/// Not coroutines themselves: a frame less on the way of every request.
Task<size_t> start_write(HttpConnection& connection, const Buffers& buffers, error_code& ec) {
  return connection.tls
             ? asio::async_write(*connection.tls, buffers, asio::redirect_error(use_awaitable, ec))
             : asio::async_write(connection.socket, buffers, asio::redirect_error(use_awaitable, ec));
}

Task<size_t> start_read(HttpConnection& connection, error_code& ec) {
  const auto buffer =
      asio::buffer(connection.in.data() + connection.end, connection.in.size() - connection.end);
  return connection.tls ? connection.tls->async_read_some(buffer, asio::redirect_error(use_awaitable, ec))
                        : connection.socket.async_read_some(buffer, asio::redirect_error(use_awaitable, ec));
}

/// Makes room behind `end`; false when an element of the header is larger than allowed.
bool make_room(HttpConnection& connection, size_t limit) {
  if (connection.begin == connection.end) {
    connection.begin = connection.end = 0;
    if (connection.reader.expected() > connection.in.size() && connection.in.size() < kBodyReadBytes) {
      connection.in.resize(kBodyReadBytes);
    }
  }
  if (connection.end < connection.in.size()) {
    return true;
  }
  if (connection.begin > 0) {
    std::memmove(connection.in.data(), connection.in.data() + connection.begin,
                 connection.end - connection.begin);
    connection.end -= connection.begin;
    connection.begin = 0;
    return true;
  }
  if (connection.in.size() >= limit) {
    return false;
  }
  connection.in.resize(connection.in.size() * 2);
  return true;
}

}  // namespace

void HttpConnection::send() {
  sent = socket.write_some(asio::buffer(out), send_error);
  if (send_error == asio::error::would_block) {
    send_error = {};
    sent = 0;
  }
  cut_short = send_error || sent != out.size();
  if (cut_short) {
    error_code ignored;
    socket.cancel(ignored);
  }
}

void ResponseReader::start(HttpResponse& response, const HttpRequest& request,
                           const HttpClientOptions& options) {
  response_ = &response;
  request_ = &request;
  options_ = &options;
  scanned_ = 0;
  has_head_ = false;
  streaming_ = false;
}

size_t ResponseReader::take(std::string_view bytes, error_code& ec) {
  size_t used = 0;
  if (!has_head_) {
    const size_t limit = options_->max_header_bytes;
    const size_t from = scanned_ > 3 ? scanned_ - 3 : 0;
    const bool parse = scanned_ == 0 || bytes.find("\r\n\r\n", from) != std::string_view::npos;
    const http::HeadResult result =
        parse ? http::parse_response(bytes, kMaxFields, head_) : http::HeadResult::Incomplete;
    const bool incomplete = result == http::HeadResult::Incomplete;
    if (result == http::HeadResult::Malformed) {
      ec = errc::make_error_code(errc::bad_message);
    } else if (result == http::HeadResult::TooManyFields ||
               (incomplete ? bytes.size() >= limit : head_.size > limit)) {
      ec = errc::make_error_code(errc::message_size);
    }
    if (ec || incomplete) {
      scanned_ = bytes.size();
      return 0;
    }
    used = head_.size;
    take_head(bytes);
    if (!response_->coding.empty()) {
      ec = errc::make_error_code(errc::bad_message);
      return used;
    }
  }
  while (body_.state() == http::BodyReader::State::Open && used < bytes.size()) {
    const auto piece = body_.next(bytes.substr(used));
    used += piece.used;
    take_body(piece.content);
  }
  if (body_.state() == http::BodyReader::State::Malformed) {
    ec = errc::make_error_code(errc::bad_message);
  } else if (body_.state() == http::BodyReader::State::TooLarge) {
    ec = errc::make_error_code(errc::message_size);
  }
  return used;
}

void ResponseReader::take_head(std::string_view text) {
  has_head_ = true;
  response_->status = head_.status;
  if (const auto type = head_.find(text, "Content-Type")) {
    std::string_view media = type->substr(0, type->find(';'));
    while (media.ends_with(' ') || media.ends_with('\t')) {
      media.remove_suffix(1);
    }
    response_->kind = http::same_token(media, "application/json")    ? ContentKind::Json
                      : http::same_token(media, "text/event-stream") ? ContentKind::EventStream
                                                                     : ContentKind::Other;
  }
  if (const auto session = head_.find(text, "Mcp-Session-Id")) {
    response_->session_id = *session;
  }
  if (const auto challenge = head_.find(text, "WWW-Authenticate")) {
    response_->challenge = *challenge;
  }
  if (const auto coding = head_.find(text, "Content-Encoding");
      coding && !http::same_token(*coding, "identity")) {
    response_->coding = *coding;
  }
  streaming_ = response_->kind == ContentKind::EventStream && head_.status / 100 == 2 && request_->on_stream;
  body_.start(head_, streaming_ ? UINT64_MAX : options_->max_body_bytes);
  if (!streaming_) {
    response_->body.reserve(static_cast<size_t>(std::min<uint64_t>(body_.expected(), kReserveMax)));
  }
}

void ResponseReader::end(error_code& ec) {
  ec = asio::error::eof;
  if (has_head_) {
    body_.end();
    if (body_.state() == http::BodyReader::State::Done) {
      ec = {};
    }
  }
}

void ResponseReader::take_body(std::string_view piece) {
  if (response_ == nullptr || piece.empty()) {
    return;
  }
  if (!streaming_) {
    response_->body += piece;
  } else if (!response_->stopped) {
    response_->stopped = !request_->on_stream(piece);
  }
}

Task<Result<void>> connect(HttpPool& pool, HttpConnection& connection) {
  const HttpUrl& url = pool.origin->url;
  error_code ec;
  const auto wait = [&ec] { return asio::redirect_error(use_awaitable, ec); };
  const auto failed = [&] { return error(judge(connection, ec), "connecting to " + url.authority); };
  const auto address = asio::ip::make_address(url.address.empty() ? url.host : url.address, ec);
  if (!ec) {
    uint16_t port = 0;
    std::from_chars(url.port.data(), url.port.data() + url.port.size(), port);
    co_await connection.socket.async_connect({address, port}, wait());
  } else {
    ec = {};
    connection.resolver.emplace(pool.executor);
    const auto found = co_await connection.resolver->async_resolve(url.host, url.port, wait());
    connection.resolver.reset();
    if (!ec) {
      co_await asio::async_connect(connection.socket, found, wait());
    }
  }
  if (ec) {
    co_return failed();
  }
  error_code ignored;
  connection.socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  connection.socket.non_blocking(true, ignored);
  if (url.tls) {
    connection.tls.emplace(connection.socket, *pool.origin->tls);
    if (asio::ip::make_address(url.host, ignored); ignored) {
      SSL_set_tlsext_host_name(connection.tls->native_handle(), url.host.c_str());  // RFC 6066: names only
    }
    connection.tls->set_verify_callback(asio::ssl::host_name_verification(url.host));
    co_await connection.tls->async_handshake(asio::ssl::stream_base::client, wait());
    if (ec) {
      co_return error(judge(connection, ec), "TLS handshake with " + url.authority);
    }
  }
  co_return Result<void>{};
}

namespace {

constexpr int64_t kFinishMs = 1'000;

/// Accounts for what a read brought.
error_code took(HttpConnection& connection, size_t length, const error_code& ec) {
  if (length > 0) {
    connection.got_bytes = true;
    connection.end += length;
    return {};
  }
  return ec ? ec : error_code(asio::error::eof);
}

/// Feeds the buffer to the reader.
error_code parse_some(HttpConnection& connection) {
  error_code ec;
  if (connection.begin != connection.end) {
    connection.begin += connection.reader.take(
        {connection.in.data() + connection.begin, connection.end - connection.begin}, ec);
  }
  return ec;
}

/// Parses what has arrived, passing over 1xx answers.
error_code digest(const HttpPool& pool, HttpConnection& connection, const HttpRequest& request,
                  HttpResponse& response, int& interim) {
  error_code ec = parse_some(connection);
  while (!ec && connection.reader.is_done() && response.status / 100 == 1) {
    if (++interim > kMaxInterim) {
      return errc::make_error_code(errc::bad_message);
    }
    response = {};
    connection.reader.start(response, request, pool.origin->options);
    ec = parse_some(connection);
  }
  if (request.silence_ms != 0 && response.kind == ContentKind::EventStream) {
    connection.deadline_ms = steady_ms() + request.silence_ms;
  }
  return ec;
}

}  // namespace

Task<Result<void>> exchange(HttpPool& pool, HttpConnection& connection, const HttpRequest& request,
                            HttpResponse& response) {
  connection.got_bytes = false;
  connection.reader.start(response, request, pool.origin->options);
  error_code ec;
  Buffers buffers = frame_request(connection, request);
  connection.cut_short = false;
  if (!connection.tls && is_single(buffers) && pool.sends.is_shared()) {
    pool.sends.add(connection);
  } else if (connection.tls || (!write_now(connection, buffers, ec) && !ec)) {
    co_await start_write(connection, buffers, ec);
  }
  const size_t limit = pool.origin->options.max_header_bytes * 2;
  int interim = 0;
  while (!ec && !connection.reader.is_done() && !response.stopped) {
    if (!make_room(connection, limit)) {
      ec = errc::make_error_code(errc::message_size);
      break;
    }
    const size_t length = co_await start_read(connection, ec);
    if (connection.cut_short && length == 0) {
      connection.cut_short = false;
      ec = connection.send_error;
      if (!ec) {
        co_await start_write(connection, Buffers{asio::buffer(connection.out) + connection.sent}, ec);
      }
      continue;
    }
    ec = took(connection, length, ec);
    if (!ec) {
      ec = digest(pool, connection, request, response, interim);
    } else if (ec == asio::error::eof) {
      connection.reader.end(ec);
      break;
    }
  }
  if (ec == asio::error::host_unreachable || ec == asio::error::network_unreachable) {
    ec = asio::error::connection_reset;  // callers take those for a request that never left; this one has
  }
  if (!response.coding.empty()) {
    co_return error(pool.origin->url.authority + " answers in Content-Encoding " + response.coding +
                    ", although it was asked for none");
  }
  if (ec) {
    co_return error(judge(connection, ec), pool.origin->url.authority);
  }
  co_return Result<void>{};
}

bool is_reusable(const HttpConnection& connection) {
  return !connection.timed_out && !connection.cut_short && connection.reader.is_done() &&
         connection.reader.keep_alive() && connection.begin == connection.end;
}

Task<void> finish_in_background(std::shared_ptr<HttpPool> pool, HttpPool::Lease connection) {
  connection->reader.forget_caller();
  connection->deadline_ms = steady_ms() + kFinishMs;
  pool->watch(*connection);
  error_code ec;
  while (!ec && !connection->reader.is_done()) {
    if (!make_room(*connection, pool->origin->options.max_header_bytes * 2)) {
      break;
    }
    const size_t length = co_await start_read(*connection, ec);
    ec = took(*connection, length, ec);
    ec = ec ? ec : parse_some(*connection);
  }
  pool->unwatch(*connection);
  if (!ec && is_reusable(*connection)) {
    pool->give_back(std::move(connection));
  } else {
    pool->discard(std::move(connection));
  }
}

}  // namespace catalyst::mcp
