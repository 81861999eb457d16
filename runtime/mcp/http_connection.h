#pragma once

// Internal to the HTTP client: one connection to the origin, the pool it lives in, and the parser of its
// answers.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/mcp/http_client.h"

namespace catalyst::mcp {

/// One answer; construct anew for each.
class ResponseParser final : public boost::beast::http::basic_parser<false> {
 public:
  using string_view = boost::beast::string_view;
  using error_code = boost::beast::error_code;
  using field = boost::beast::http::field;

  ResponseParser(HttpResponse& response, const HttpRequest& request, const HttpClientOptions& options);

  /// The caller has its answer: the rest of the message is only counted. Its response and request are not
  /// touched again.
  void forget_caller() { response_ = nullptr; }

 private:
  void on_request_impl(boost::beast::http::verb, string_view, string_view, int, error_code&) override {}
  void on_response_impl(int status, string_view, int, error_code&) override;
  void on_field_impl(field name, string_view, string_view value, error_code&) override;
  void on_header_impl(error_code&) override;
  void on_body_init_impl(const boost::optional<uint64_t>& length, error_code&) override;
  size_t on_body_impl(string_view piece, error_code&) override { return take(piece); }
  void on_chunk_header_impl(uint64_t, string_view, error_code&) override {}
  size_t on_chunk_body_impl(uint64_t, string_view piece, error_code&) override { return take(piece); }
  void on_finish_impl(error_code&) override {}
  size_t take(string_view piece);

  HttpResponse* response_;
  const HttpRequest* request_;
  bool streaming_ = false;
};

struct HttpOrigin {
  HttpUrl url;
  HttpClientOptions options;
  std::optional<asio::ssl::context> tls;
};

struct HttpConnection {
  explicit HttpConnection(const Executor& executor) : socket(executor) {}

  TcpSocket socket;
  std::optional<asio::ssl::stream<TcpSocket&>> tls;
  std::optional<asio::ip::basic_resolver<asio::ip::tcp, Executor>> resolver;  // while connecting
  std::vector<char> in = std::vector<char>(16 * 1024);
  size_t begin = 0;
  size_t end = 0;
  std::string out;
  std::optional<ResponseParser> parser;
  int64_t deadline_ms = 0;  // 0: none
  int64_t idle_since_ms = 0;
  std::shared_ptr<const std::atomic<int>> paused;  // the deadline moves while it is above zero
  int64_t paused_since_ms = 0;
  bool timed_out = false;
  bool got_bytes = false;  // of the current answer
};

/// The connections of one io_context; touched by its thread only.
class HttpPool : public std::enable_shared_from_this<HttpPool> {
 public:
  HttpPool(Executor executor, std::shared_ptr<HttpOrigin> origin);

  using Lease = std::unique_ptr<HttpConnection>;

  /// An idle connection that the server has not closed, or nullptr. Closed ones are discarded on the way.
  Lease take_idle();
  /// A place for one more connection, waiting for it if need be.
  Task<Result<void>> reserve(int64_t deadline_ms);
  void give_back(Lease connection);
  /// Closes it and frees its place.
  void discard(Lease connection);
  void release_place();

  /// Deadlines of connections in use are checked every 100 ms while there is traffic.
  void watch(HttpConnection& connection);
  void unwatch(HttpConnection& connection);
  void close_all();

  const Executor executor;
  const std::shared_ptr<HttpOrigin> origin;
  bool closed = false;

 private:
  void arm(bool fast);
  void tick();
  static void extend_deadline(HttpConnection& connection, int64_t now);

  std::vector<Lease> idle_;
  std::vector<HttpConnection*> active_;
  std::deque<SteadyTimer*> waiting_;
  size_t places_ = 0;  // connections open or being opened
  SteadyTimer timer_;
  bool armed_ = false;
  bool fast_ = false;
  int quiet_ticks_ = 0;
};

/// Resolves, connects and, for https, shakes hands. The connection must be watched.
Task<Result<void>> connect(HttpPool& pool, HttpConnection& connection);

/// Sends the request and reads the answer, or as much of it as its sink wanted.
Task<Result<void>> exchange(HttpPool& pool, HttpConnection& connection, const HttpRequest& request,
                            HttpResponse& response);

/// Reads what is left of an answer whose sink had enough, for a moment at most, so that the connection can be
/// used again.
Task<void> finish_in_background(std::shared_ptr<HttpPool> pool, HttpPool::Lease connection);

/// Whether the connection stands between two messages.
[[nodiscard]] bool is_reusable(const HttpConnection& connection);

}  // namespace catalyst::mcp
