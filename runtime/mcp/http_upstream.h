#pragma once

#include <array>
#include <atomic>
#include <boost/asio/cancellation_signal.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/mcp/http_client.h"
#include "runtime/mcp/readiness.h"
#include "runtime/mcp/upstream.h"
#include "runtime/mcp/upstream_wire.h"

namespace catalyst::mcp {

struct HttpUpstreamOptions {
  std::string name;
  HttpUrl url;
  std::vector<std::pair<std::string, std::string>> headers;  // sent with every request, e.g. Authorization
  std::optional<Era> era;                                    // set: no probing
  GatewayIdentity identity;
  bool shared = false;  // one session serves every client, also where the server keeps sessions
  size_t listening =
      400;  // sessions of clients with a stream for what belongs to no call; each keeps a connection
  HttpClientOptions client;
  /// Called once, by the upkeep, when the server turns out to speak HTTP+SSE; this upstream ends then. Empty:
  /// not looked for.
  std::function<void()> found_sse;
  int64_t greeting_timeout_ms = 5'000;
  int64_t ready_timeout_ms = 10'000;  // how long a call waits for an upstream that is starting
  int64_t backoff_min_ms = 500;
  int64_t backoff_max_ms = 30'000;
  int64_t renew_min_ms = 1'000;  // between two sessions, so that a server that forgets cannot spin us
  int64_t resume_limit = 5;      // reconnections with Last-Event-ID for one answer
  size_t max_event_bytes = size_t{64} * 1024 * 1024;               // one message on an event stream
  std::function<void(std::string_view line)> log = [](auto&&) {};  // what an operator should know; any thread
};

/// A server behind Streamable HTTP, of either era. Calls run on the caller's io_context from start to end
/// (HttpClient has a pool for each); greeting, notification stream and renewal run on the home executor,
/// which must be that of one of those contexts. Created with std::make_shared; stop() before the contexts
/// end.
class HttpUpstream final : public Upstream, public std::enable_shared_from_this<HttpUpstream> {
 public:
  HttpUpstream(Executor home, HttpUpstreamOptions options);
  ~HttpUpstream() override;

  [[nodiscard]] const std::string& name() const override { return options_.name; }
  [[nodiscard]] UpstreamState state() const override { return readiness_.state(); }
  [[nodiscard]] std::string last_error() const override { return readiness_.last_error(); }
  [[nodiscard]] uint64_t dropped() const override { return dropped_.load(std::memory_order_relaxed); }
  void start(UpstreamEvent on_event) override;
  Task<Result<std::shared_ptr<const UpstreamInfo>>> ready(int64_t timeout_ms) override {
    return readiness_.wait(timeout_ms);
  }
  Task<Result<UpstreamReply>> call(const UpstreamCall& call) override;
  Task<Result<void>> notify(std::string_view method, std::string_view params,
                            UpstreamSession* session) override;
  [[nodiscard]] bool shared() const override { return options_.shared; }
  std::shared_ptr<UpstreamSession> open(ClientTerms terms) override;
  Task<Result<std::string>> establish(UpstreamSession& session) override;
  void watch(std::vector<std::string> uris) override;
  Task<void> stop() override;

 private:
  /// What a greeting established. Immutable; calls in flight keep the one they began with.
  struct Session {
    std::shared_ptr<const UpstreamInfo> info;
    std::string session_id;  // legacy; "" when the server keeps none
    std::string post_head;   // request line and the headers that never change
    std::string get_head;
    uint64_t number = 0;
    int64_t greeted_ms = 0;
  };
  using SessionPtr = std::shared_ptr<const Session>;

  /// State of one io_context; its thread only.
  struct alignas(64) Slot {
    SessionPtr session;
    uint64_t next_id = 0;
  };

  // http_link.h: one client's session.
  class Link;
  struct LinkState;
  using LinkPtr = std::shared_ptr<LinkState>;

  /// A call whose progress a server may report on another stream than the call's own.
  struct Reported {
    Executor executor;
    std::function<void(std::string message)> on_notification;
    std::string progress_token;
  };

  struct CallState;
  struct Attempt {
    std::optional<Result<UpstreamReply>> outcome;  // none: the session is gone, try with a new one
  };

  // Calls: http_upstream.cpp
  [[nodiscard]] bool is_lost(const Session& session, const HttpResponse& response,
                             const UpstreamReply* reply) const;
  Task<Result<SessionPtr>> session_for(Slot& slot, int64_t timeout_ms);
  /// The session that a call runs on: the client's own where the server keeps sessions, else the gateway's.
  Task<Result<SessionPtr>> session_of(Slot& slot, const LinkPtr& link, int64_t timeout_ms);
  SessionPtr open_session(Slot& slot, const LinkPtr& link);
  static bool has_own_session(const LinkPtr& link, const Session& session);
  static LinkPtr link_of(UpstreamSession* client);
  Task<void> keep_listening(LinkPtr link);
  void forget(const LinkPtr& link, const SessionPtr& session);
  void end_detached(SessionPtr session);
  SessionPtr current(Slot& slot);
  uint64_t mint_id(Slot& slot, size_t index);
  std::string call_head(const Session& session, const UpstreamCall& call) const;
  Task<Attempt> attempt(SessionPtr session, const UpstreamCall& call, uint64_t id, const ClientTerms* terms);
  Task<Result<void>> resume(CallState& state, int64_t deadline_ms);
  Attempt judge(const Session& session, HttpResponse response, CallState& state);
  bool take_stream_message(CallState& state, std::string_view text);
  void take_request(const SessionPtr& session, const WireMessage& message,
                    const std::function<void(ServerRequest)>& handler);
  void post_detached(SessionPtr session, std::string body);
  Task<void> post_and_forget(SessionPtr session, std::string body);
  void report_event(std::string_view method, std::string_view message);

  // Life: http_session.cpp
  Task<void> run();
  Task<Result<SessionPtr>> greet();
  Task<Result<HttpResponse>> post_greeting(Era era, std::string_view capabilities, std::string& body_out);
  Task<Result<SessionPtr>> greet_modern(bool& legacy);
  /// `status`: of the answer to initialize, when there was one.
  Task<Result<SessionPtr>> greet_legacy(std::string_view capabilities, int* status = nullptr);
  Task<bool> opens_sse();
  SessionPtr make_session(UpstreamInfo info, std::string session_id);
  void publish(SessionPtr session);
  Task<void> listen(SessionPtr session);
  /// `terms`: whose session it is; nullptr: the gateway's own.
  Task<void> keep_listening(SessionPtr session);
  Task<int> listen_once(const SessionPtr& session, const ClientTerms* terms, std::string& last_event_id,
                        int64_t& retry_ms);
  bool take_event(const SessionPtr& session, const ClientTerms* terms, std::string_view text);
  void report_progress(const WireMessage& message, std::string_view text);
  Task<void> pause(int64_t ms);
  Task<void> end_session(SessionPtr session);
  /// From any thread: this session no longer works.
  void renew(uint64_t number);

  const Executor home_;
  const HttpUpstreamOptions options_;
  Readiness readiness_;
  const std::string static_head_;  // Host and the configured headers
  HttpClient client_;
  std::array<Slot, HttpClient::kMaxContexts> slots_;

  std::atomic<size_t> listening_{0};
  std::atomic<uint64_t> dropped_{0};
  std::atomic<uint64_t> greetings_{0};
  std::atomic<uint64_t> greeting_id_{0};
  std::atomic<uint64_t> session_number_{0};  // 0: no session in force
  std::mutex mutex_;                         // guards session_, off the request path
  SessionPtr session_;
  std::mutex reported_mutex_;  // guards reported_: calls with a progress token to legacy servers
  std::map<uint64_t, std::weak_ptr<Reported>> reported_;

  // Home executor only.
  UpstreamEvent on_event_;
  asio::cancellation_signal cancel_listen_;
  SteadyTimer timer_;
  std::vector<std::string> watched_;
  bool watch_changed_ = false;
  bool is_sse_ = false;
  std::atomic<bool> stopping_{false};
};

}  // namespace catalyst::mcp
