#include "runtime/mcp/http_connection.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <charconv>
#include <cstring>

#include "runtime/base/clock.h"
#include "runtime/base/join.h"

namespace catalyst::mcp {

namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

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

/// One system call in the usual case. False when some is left; `ec` on failure.
bool write_now(HttpConnection& connection, Buffers& buffers, error_code& ec) {
  const bool single = buffers[1].size() == 0 && buffers[2].size() == 0 && buffers[3].size() == 0;
  size_t sent =
      single ? connection.socket.write_some(buffers[0], ec) : connection.socket.write_some(buffers, ec);
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
    const bool large = connection.parser->is_header_done() &&
                       connection.parser->content_length_remaining().value_or(0) > connection.in.size();
    if (large && connection.in.size() < kBodyReadBytes) {
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

ResponseParser::ResponseParser(HttpResponse& response, const HttpRequest& request,
                               const HttpClientOptions& options)
    : response_(&response), request_(&request) {
  header_limit(static_cast<uint32_t>(options.max_header_bytes));
  body_limit(options.max_body_bytes);
  eager(true);
}

void ResponseParser::on_response_impl(int status, string_view, int, error_code&) {
  response_->status = status;
}

void ResponseParser::on_field_impl(field name, string_view name_text, string_view value, error_code& ec) {
  if (is_header_done()) {
    return;  // a trailer
  }
  if (name == field::content_type) {
    const string_view type = value.substr(0, value.find(';'));
    response_->kind = boost::beast::iequals(type, "application/json")    ? ContentKind::Json
                      : boost::beast::iequals(type, "text/event-stream") ? ContentKind::EventStream
                                                                         : ContentKind::Other;
  } else if (name == field::unknown && boost::beast::iequals(name_text, "Mcp-Session-Id")) {
    response_->session_id.assign(value.data(), value.size());
  } else if (name == field::www_authenticate) {
    response_->challenge.assign(value.data(), value.size());
  } else if (name == field::content_encoding && !boost::beast::iequals(value, "identity")) {
    response_->coding.assign(value.data(), value.size());
    ec = http::error::bad_field;
  }
}

void ResponseParser::on_header_impl(error_code&) {
  if (response_->kind == ContentKind::EventStream && response_->status / 100 == 2 && request_->on_stream) {
    streaming_ = true;
    body_limit(boost::none);
  }
}

void ResponseParser::on_body_init_impl(const boost::optional<uint64_t>& length, error_code&) {
  if (!streaming_ && length) {
    response_->body.reserve(static_cast<size_t>(std::min<uint64_t>(*length, kReserveMax)));
  }
}

size_t ResponseParser::take(string_view piece) {
  if (response_ == nullptr) {
    return piece.size();
  }
  if (!streaming_) {
    response_->body.append(piece.data(), piece.size());
  } else if (!response_->stopped) {
    response_->stopped = !request_->on_stream(std::string_view(piece.data(), piece.size()));
  }
  return piece.size();
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

/// Feeds the buffer to the parser.
error_code parse_some(HttpConnection& connection) {
  error_code ec;
  if (connection.begin != connection.end) {
    const auto bytes =
        asio::buffer(connection.in.data() + connection.begin, connection.end - connection.begin);
    connection.begin += connection.parser->put(bytes, ec);
  }
  return ec == http::error::need_more ? error_code{} : ec;
}

/// Parses what has arrived, passing over 1xx answers.
error_code digest(const HttpPool& pool, HttpConnection& connection, const HttpRequest& request,
                  HttpResponse& response, int& interim) {
  error_code ec = parse_some(connection);
  while (!ec && connection.parser->is_done() && response.status / 100 == 1) {
    if (++interim > kMaxInterim) {
      return http::error::bad_status;
    }
    response = {};
    connection.parser.emplace(response, request, pool.origin->options);
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
  connection.parser.emplace(response, request, pool.origin->options);
  error_code ec;
  Buffers buffers = frame_request(connection, request);
  if (connection.tls || (!write_now(connection, buffers, ec) && !ec)) {
    co_await start_write(connection, buffers, ec);
  }
  const size_t limit = pool.origin->options.max_header_bytes * 2;
  int interim = 0;
  while (!ec && !connection.parser->is_done() && !response.stopped) {
    if (!make_room(connection, limit)) {
      ec = http::error::header_limit;
      break;
    }
    const size_t length = co_await start_read(connection, ec);
    ec = took(connection, length, ec);
    if (!ec) {
      ec = digest(pool, connection, request, response, interim);
    } else if (ec == asio::error::eof && connection.parser->got_some()) {
      connection.parser->put_eof(ec);
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
  return !connection.timed_out && connection.parser && connection.parser->is_done() &&
         connection.parser->keep_alive() && connection.begin == connection.end;
}

Task<void> finish_in_background(std::shared_ptr<HttpPool> pool, HttpPool::Lease connection) {
  connection->parser->forget_caller();
  connection->deadline_ms = steady_ms() + kFinishMs;
  pool->watch(*connection);
  error_code ec;
  while (!ec && !connection->parser->is_done()) {
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
