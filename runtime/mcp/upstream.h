#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/asio.h"
#include "runtime/base/result.h"

namespace catalyst::mcp {

struct RouteAsk;

/// Which of the two generations of the protocol a peer speaks.
enum class Era : uint8_t {
  Legacy,  // 2024-11-05 .. 2025-11-25: initialize, sessions
  Modern,  // 2026-07-28: stateless, per-request _meta
};

enum class UpstreamState : uint8_t { Starting, Ready, Backoff, Stopped };
inline std::string_view text_of(UpstreamState state) {
  switch (state) {
    case UpstreamState::Starting:
      return "starting";
    case UpstreamState::Ready:
      return "ready";
    case UpstreamState::Backoff:
      return "backoff";
    case UpstreamState::Stopped:
      return "stopped";
  }
  return {};
}

/// What an upstream said when it was greeted (initialize result or server/discover result).
struct UpstreamInfo {
  Era era = Era::Legacy;
  std::string protocol_version;
  std::string server_info;   // JSON object text
  std::string capabilities;  // JSON object text
  std::string instructions;
};

/// A request that a legacy server sends to its client (sampling/createMessage, elicitation/create,
/// roots/list, or one that we do not know).
struct ServerRequest {
  std::string method;
  std::string params;  // JSON text, or ""
  /// Answers it with the text of a result or of an error object; once, from any thread. Without an answer the
  /// server waits for its own time-out.
  std::function<void(bool is_error, std::string payload)> answer;
};

/// Messages of an upstream that belong to no call: list_changed, resources/updated, log messages of a stdio
/// server. Runs on the upstream's home executor.
using UpstreamEvent = std::function<void(std::string_view method, std::string_view message)>;

/// For whom a server that keeps something of its clients holds a session.
struct ClientTerms {
  std::string principal_id;
  std::string capabilities = "{}";  // what the client can be asked, JSON object text; declared to the server
  std::string resume;  // id of a session that was made before, perhaps by another engine; "" to make one
  bool ends = true;    // the server is told when the session goes; not where another engine may still use it
  /// Messages of this session that belong to no call. Any thread.
  UpstreamEvent on_event = [](std::string_view, std::string_view) {};
  /// Requests of the server that belong to no call; empty: the transport refuses what is not a ping. Any
  /// thread.
  std::function<void(ServerRequest request)> on_request;
  /// The server had forgotten the session and has a new one: what was asked of it must be asked again. Any
  /// thread.
  std::function<void()> on_renewed = [] {};
};

/// One client's session with a server; nobody else's calls run on it. Destroying it ends it, without waiting.
class UpstreamSession {
 public:
  virtual ~UpstreamSession() = default;
  /// From now on messages that belong to no call are heard. Any thread; more than once does nothing.
  virtual void listen() = 0;
  /// Tells the server that the session is over, whatever its terms say.
  virtual void end() = 0;
};

/// One JSON-RPC request or notification on its way to an upstream. Views must live until the call completes.
struct UpstreamCall {
  std::string_view method;
  /// JSON object text of `params`, or empty. For a modern upstream the transport replaces the
  /// io.modelcontextprotocol/* keys of params._meta (protocol version, client info, capabilities) by the
  /// gateway's own; every other key passes through.
  std::string_view params;
  /// What the Mcp-Name header must say (tool or prompt name, resource uri, task id), already in the
  /// upstream's own naming; or empty.
  std::string_view name;
  /// The client's progress token as JSON text ("" = none). The transport sends a token of its own and gives
  /// the client's back in the progress notifications it passes to `on_notification`.
  std::string_view progress_token;
  std::string_view log_level;    // modern per-request log level, "" = none
  std::string_view traceparent;  // W3C, passed on as header (HTTP) and in _meta
  std::string_view tracestate;
  std::string_view extra_headers;  // "Mcp-Param-X: v\r\n..." to pass on, HTTP only
  /// The client's session with this server; nullptr: the gateway's own.
  UpstreamSession* session = nullptr;
  /// What the client can be asked, JSON object text; goes to modern servers with the call.
  std::string_view capabilities = "{}";
  int64_t timeout_ms = 60'000;
  /// For servers with several places to run the call: what the choice between them depends on, and what
  /// became of it. nullptr: nothing is known.
  std::shared_ptr<RouteAsk> route;
  /// Questions of the server that the client has not answered yet: while there are any, the time-out does not
  /// run. May be empty.
  std::shared_ptr<const std::atomic<int>> unanswered;
  /// A request of the server that belongs to this call. Runs on the caller's executor. Empty: the transport
  /// refuses what is not a ping.
  std::function<void(ServerRequest request)> on_request;
  /// Notifications that belong to this call (progress, log messages), whole JSON-RPC text in the upstream's
  /// naming, before the reply. Runs on the caller's executor. May be empty.
  std::function<void(std::string message)> on_notification;
};

/// A JSON-RPC response. `body` is the whole message as received; `payload` the text of its `result` or
/// `error` member (a view into body).
struct UpstreamReply {
  std::string body;
  std::string_view payload;
  bool is_error = false;

  UpstreamReply() = default;
  UpstreamReply(const UpstreamReply&) =
      delete;  // payload points into body: an SSO string must not be copied away from it
  UpstreamReply& operator=(const UpstreamReply&) = delete;
  UpstreamReply(UpstreamReply&& other) noexcept : UpstreamReply(std::move(other), other.body.data()) {}
  UpstreamReply& operator=(UpstreamReply&& other) noexcept {
    const char* const was = other.body.data();
    body = std::move(other.body);
    payload = moved(other.payload, was);
    is_error = other.is_error;
    return *this;
  }

 private:
  UpstreamReply(UpstreamReply&& other, const char* was) noexcept
      : body(std::move(other.body)), payload(moved(other.payload, was)), is_error(other.is_error) {}
  /// The part of `body` that `part` was of it when it stood at `was`.
  [[nodiscard]] std::string_view moved(std::string_view part, const char* was) const {
    return part.empty() ? std::string_view()
                        : std::string_view(body.data() + (part.data() - was), part.size());
  }
};

/// A server behind the gateway. `call` and `notify` may be used from any executor; the implementation hops to
/// its own and back. Cancelling the calling coroutine (asio cancellation) sends notifications/cancelled
/// (legacy, stdio) or closes the stream (modern HTTP).
class Upstream {
 public:
  virtual ~Upstream() = default;

  /// Name from the configuration.
  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual UpstreamState state() const = 0;
  /// Messages that were dropped: no JSON-RPC, too long, or answers to nothing that is being asked. Any
  /// thread.
  [[nodiscard]] virtual uint64_t dropped() const { return 0; }
  /// Text of the last failure, for /readyz and logs; empty when none.
  [[nodiscard]] virtual std::string last_error() const = 0;

  /// Connects or spawns, negotiates the era, and keeps the upstream alive until stop(): restarts with
  /// exponential backoff.
  virtual void start(UpstreamEvent on_event) = 0;
  /// Waits until Ready or the deadline; the info of the current connection, or why there is none.
  virtual Task<Result<std::shared_ptr<const UpstreamInfo>>> ready(int64_t timeout_ms) = 0;

  /// One request. An error when the upstream is down, timed out or broke the protocol; a JSON-RPC error is a
  /// reply with is_error.
  virtual Task<Result<UpstreamReply>> call(const UpstreamCall& call) = 0;
  virtual Task<Result<void>> notify(std::string_view method, std::string_view params,
                                    UpstreamSession* session) = 0;
  /// True when one session serves every client, whatever the server keeps: what clients asked of it is then
  /// said again here after a new greeting.
  [[nodiscard]] virtual bool shared() const = 0;
  /// A session for one client; connects when it is first used. nullptr when the server keeps nothing of its
  /// clients (always so in the new generation): everybody's calls go the same way then. Once Ready; any
  /// thread.
  virtual std::shared_ptr<UpstreamSession> open(ClientTerms terms) = 0;
  /// The server's id of a client's session, made now if need be; "" when it has none.
  virtual Task<Result<std::string>> establish(UpstreamSession& session) = 0;
  /// Modern servers: which resources to watch, in place of those before. Their changes come as events. Any
  /// thread.
  virtual void watch(std::vector<std::string> uris) = 0;

  /// Ends connections; a child process gets its stdin closed, then SIGTERM and SIGKILL to its whole process
  /// group.
  virtual Task<void> stop() = 0;
};

}  // namespace catalyst::mcp
