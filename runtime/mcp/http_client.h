#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/asio.h"
#include "runtime/base/result.h"

namespace catalyst::mcp {

/// An http:// or https:// address, split once.
struct HttpUrl {
  bool tls = false;
  std::string host;     // without brackets
  std::string address;  // where to connect; "": where the name of the host leads
  std::string port;
  std::string authority;  // for the Host header
  std::string target;     // path and query, at least "/"
};

/// Refuses other schemes, credentials in the address, and fragments.
Result<HttpUrl> parse_http_url(std::string_view text);

struct HttpClientOptions {
  std::string ca_file;           // PEM bundle to trust instead of the system's; https only
  std::string certificate_file;  // PEM chain shown to servers that ask for one; https only
  std::string key_file;          // PEM, of that certificate
  /// The bearer token of each request that brings no Authorization of its own, "" for none; an error fails
  /// the request. May be empty.
  std::function<Task<Result<std::string>>()> token;
  /// The server answered 401 to a request with this token; should `token` have another one then, it is tried.
  std::function<void(std::string_view token)> refused = [](std::string_view) {};
  int64_t connect_timeout_ms = 5'000;
  int64_t idle_timeout_ms = 60'000;  // of a pooled connection
  int64_t trusted_ms = 10;  // a connection used this short a while ago is not looked at before it is reused
  size_t max_connections = 1'024;  // per io_context
  size_t max_waiting = 4'096;      // requests waiting for one of them, per io_context
  size_t max_header_bytes = 64 * 1024;
  size_t max_body_bytes = size_t{64} * 1024 * 1024;
};

enum class ContentKind : uint8_t { None, Json, EventStream, Other };

struct HttpRequest {
  /// Request line and header lines, each ended by CRLF, without Content-Length and without the empty line.
  std::string_view head;
  std::array<std::string_view, 3> body{};  // sent one after the other
  bool has_body = true;                    // false: no Content-Length (GET, DELETE)
  /// Reaching the server twice does no harm. What has no body never does any (RFC 9110 section 9.2.2).
  bool repeatable = false;
  int64_t timeout_ms = 60'000;  // from here to the end of the answer; 0: none
  int64_t silence_ms =
      0;  // longest pause on an event stream; 0: none. Replaces timeout_ms once the stream began
  /// While this is above zero neither of them runs. May be empty.
  std::shared_ptr<const std::atomic<int>> paused;
  /// Takes a 2xx text/event-stream body as it arrives; false: enough, the answer counts as complete. The
  /// other bodies are collected.
  std::function<bool(std::string_view bytes)> on_stream;
};

struct HttpResponse {
  int status = 0;
  ContentKind kind = ContentKind::None;
  std::string session_id;  // Mcp-Session-Id
  std::string challenge;   // WWW-Authenticate
  std::string coding;      // Content-Encoding, when it is one: the body cannot be read then
  std::string body;
  bool stopped = false;  // on_stream had enough
};

/// HTTP/1.1 to one origin over pooled keep-alive connections. One pool per io_context, made on first use: a
/// request runs on the caller's context from start to end and takes no lock. Every executor must be an
/// io_context's that a single thread runs; contexts outlive the client, kMaxContexts at
/// most.
class HttpClient {
 public:
  static constexpr size_t kMaxContexts = 128;

  HttpClient(HttpUrl url, HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  [[nodiscard]] const HttpUrl& url() const;
  /// Which pool the executor's context has: below kMaxContexts, stable. For callers that keep state per
  /// context themselves.
  [[nodiscard]] size_t context_index(const Executor& executor);

  /// One exchange. An idle connection that the server has closed is replaced before it is used. When it
  /// closes while the request is on its way, before a byte of the answer, nobody knows whether the server has
  /// acted: the request is sent once more if it is repeatable or has no body, else it fails (RFC 9112 section
  /// 9.3.1). Errors: timed_out, operation_aborted (cancelled), connection errors,
  /// bad_message (not HTTP), message_size (beyond a limit).
  Task<Result<HttpResponse>> request(const HttpRequest& request);

  /// Cuts every connection; requests in flight fail. Any thread.
  void close();

 private:
  Task<Result<HttpResponse>> send(const HttpRequest& request);
  Task<Result<HttpResponse>> send_authorized(const HttpRequest& request);

  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace catalyst::mcp
