#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/asio.h"
#include "runtime/base/result.h"
#include "runtime/mcp/exchange.h"
#include "server/auth/admission.h"
#include "server/http/io_pool.h"

namespace catalyst::server {

class TlsContext;

/// Serves one request. Runs on the connection's io_context; must answer exactly once. What it throws is
/// logged nowhere and answered with 500, except that cancellation (the client went away) may unwind it.
using Handler = std::function<Task<void>(mcp::HttpExchange&)>;

/// Limits of the front door. Every time-out is enforced to within `tick_ms`.
struct HttpOptions {
  std::string address = "127.0.0.1";  // numeric, or a name that resolves
  uint16_t port = 0;                  // 0: any free one, see Listener::port
  size_t max_connections = 10'000;    // beyond: 503 and close
  size_t max_header_bytes = 32 * 1024;
  size_t max_header_fields = 100;
  size_t max_body_bytes = size_t{4} * 1024 * 1024;
  int64_t header_timeout_ms = 10'000;  // first byte of a request (or accept) to the end of its header
  int64_t body_timeout_ms = 30'000;    // whole body
  int64_t idle_timeout_ms = 300'000;   // between requests
  int64_t write_timeout_ms = 30'000;   // a client that does not read
  int64_t linger_timeout_ms = 2'000;   // reading on after a refusal, so that the client gets to see it
  size_t compress_from = 0;            // bytes of a complete answer from which it is compressed; 0: never
  int64_t keepalive_ms = 15'000;       // comment line on an open event stream that is silent
  int64_t tick_ms = 500;
  /// Served without asking the authenticator; a `*` at the end stands for anything.
  std::vector<std::string> open_paths = {"/healthz", "/readyz"};
};

enum class Refusal : uint8_t {
#define REFUSAL(name, reason) name,
#include "server/http/refusal.def"
#undef REFUSAL
};
inline constexpr auto kRefusalReasons = std::to_array<std::string_view>({
#define REFUSAL(name, reason) reason,
#include "server/http/refusal.def"
#undef REFUSAL
});

/// The HTTP/1.1 front door: one SO_REUSEPORT acceptor per io_context of the pool. Destroy it after
/// IoPool::stop and before the pool.
class Listener {
 public:
  /// Without an authenticator everybody is the nameless principal; it must outlive the listener. With `tls`
  /// clients must speak TLS.
  Listener(IoPool& pool, HttpOptions options, Handler handler, Authenticator* authenticator,
           std::shared_ptr<TlsContext> tls = nullptr);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Binds and accepts on every context. Once.
  Result<void> start();
  /// The bound port; 0 before start.
  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] size_t connections() const;
  /// How often the front door said no since the start.
  [[nodiscard]] uint64_t refused(Refusal reason) const;

  /// Stops accepting, closes idle connections, lets requests in flight finish until the deadline, then cuts
  /// what is left.
  Task<void> drain(int64_t deadline_ms);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace catalyst::server
