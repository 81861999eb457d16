#pragma once

// HTTP+SSE toward a server, the transport of revision 2024-11-05.

#include <boost/asio/cancellation_signal.hpp>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/mcp/duplex_link.h"
#include "runtime/mcp/http_client.h"
#include "runtime/mcp/sse.h"

namespace catalyst::mcp {

struct SseLinkOptions {
  HttpUrl url;
  std::vector<std::pair<std::string, std::string>> headers;  // sent with every request
  HttpClientOptions client;
  int64_t open_timeout_ms = 5'000;   // until the server has named the address for messages
  int64_t post_timeout_ms = 10'000;  // of one message; its answer comes on the stream
};

/// Opens links to that server.
DuplexConnect connect_sse(SseLinkOptions options);

/// The headers of every request to a server: Host, and those of the configuration.
std::string common_headers(const HttpUrl& url,
                           const std::vector<std::pair<std::string, std::string>>& headers);

/// Path and query of the address that an `endpoint` event names, which may be relative to `base` (RFC 3986
/// section 5). An error when it leads to another origin: credentials and messages stay with the server that
/// was configured.
Result<std::string> same_origin_target(const HttpUrl& base, std::string_view reference);

/// One event stream and the address for messages that it named. Messages are POSTed one after the other, so
/// that they arrive in order.
class SseLink final : public DuplexLink, public std::enable_shared_from_this<SseLink> {
 public:
  SseLink(const Executor& executor, std::shared_ptr<HttpClient> client,
          std::shared_ptr<const SseLinkOptions> options, DuplexEvents events);

  /// Returns once messages can be sent.
  Task<Result<void>> open();
  bool write(std::string_view message) override;
  [[nodiscard]] bool ended() const override { return ended_; }
  [[nodiscard]] std::string_view what() const override { return "the event stream"; }
  Task<std::string> bury() override;

 private:
  Task<void> read();
  bool take(const SseEvent& event);
  Task<void> post_all();
  Task<void> post(std::string message);
  void wake() { waiting_.cancel(); }

  const Executor executor_;
  const std::shared_ptr<HttpClient> client_;
  const std::shared_ptr<const SseLinkOptions> options_;
  const DuplexEvents events_;
  const std::string common_;
  std::string post_head_;  // "" until the server has named its address
  std::string why_;        // it ended
  std::deque<std::string> queued_;
  size_t queued_bytes_ = 0;
  bool posting_ = false;
  bool ended_ = false;
  bool closed_ = false;
  asio::cancellation_signal cancel_;
  SteadyTimer waiting_;
};

}  // namespace catalyst::mcp
