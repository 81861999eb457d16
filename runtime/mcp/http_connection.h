#pragma once

// Internal to the HTTP client: one connection to the origin, the pool it lives in, and the reader of its
// answers.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/send_queue.h"
#include "runtime/http/body.h"
#include "runtime/http/head.h"
#include "runtime/mcp/http_client.h"

namespace catalyst::mcp {

/// Reads one answer after another off a connection.
class ResponseReader {
 public:
  /// Begins the next answer. Both are kept until it is done or `forget_caller`.
  void start(HttpResponse& response, const HttpRequest& request, const HttpClientOptions& options);
  /// Takes what it can: a head in one piece, of the body everything. Errors: bad_message, message_size.
  size_t take(std::string_view bytes, boost::system::error_code& ec);
  /// The connection ended; an error unless that is how the answer ends.
  void end(boost::system::error_code& ec);
  /// The caller has its answer: the rest of the message is only counted. Its response and request are not
  /// touched again.
  void forget_caller() { response_ = nullptr; }

  [[nodiscard]] bool has_head() const { return has_head_; }
  [[nodiscard]] bool is_done() const { return has_head_ && body_.state() == http::BodyReader::State::Done; }
  [[nodiscard]] bool keep_alive() const { return head_.keep_alive; }
  /// Bytes of the body known to be missing.
  [[nodiscard]] uint64_t expected() const { return has_head_ ? body_.expected() : 0; }

 private:
  void take_head(std::string_view text);
  void take_body(std::string_view piece);

  http::Head head_;
  http::BodyReader body_;
  HttpResponse* response_ = nullptr;
  const HttpRequest* request_ = nullptr;
  const HttpClientOptions* options_ = nullptr;
  size_t scanned_ = 0;  // bytes of the unfinished head already searched for its end
  bool has_head_ = false;
  bool streaming_ = false;
};

struct HttpOrigin {
  HttpUrl url;
  HttpClientOptions options;
  std::optional<asio::ssl::context> tls;
};

struct HttpConnection final : Sender {
  explicit HttpConnection(const Executor& executor) : socket(executor) {}
  /// What of `out` does not go out is left to the exchange, whose read ends.
  void send() override;

  TcpSocket socket;
  std::optional<asio::ssl::stream<TcpSocket&>> tls;
  std::optional<asio::ip::basic_resolver<asio::ip::tcp, Executor>> resolver;  // while connecting
  std::vector<char> in = std::vector<char>(16 * 1024);
  size_t begin = 0;
  size_t end = 0;
  std::string out;
  size_t sent = 0;                       // of `out`, by the send that was put off
  bool cut_short = false;                // it failed or left something
  boost::system::error_code send_error;  // why it failed
  ResponseReader reader;
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
  SendQueue& sends;
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
