#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/base/asio.h"
#include "runtime/mcp/endpoint.h"
#include "runtime/mcp/event_queue.h"
#include "runtime/mcp/exchange.h"
#include "runtime/mcp/protocol.h"
#include "runtime/mcp/replay.h"
#include "runtime/mcp/seal.h"
#include "runtime/mcp/upstream_sessions.h"

namespace catalyst::mcp {

/// Which upstreams an endpoint serves: one (its index), or all of them.
struct Scope {
  static constexpr uint32_t kAll = UINT32_MAX;
  uint32_t server = kAll;
  [[nodiscard]] bool federated() const { return server == kAll; }
  [[nodiscard]] bool covers(uint32_t index) const { return federated() || server == index; }
  bool operator==(const Scope&) const = default;
};

/// A call of a legacy client on its way, so that notifications/cancelled can reach it from another
/// connection.
class InFlight {
 public:
  InFlight(const Executor& executor, HttpExchange& exchange) : executor_(executor), exchange_(&exchange) {}
  /// Cancels on the call's own executor, unless it is over by then. Any thread.
  static void cancel(const std::shared_ptr<InFlight>& call);
  /// The call is over. The call's executor only.
  void end() { exchange_ = nullptr; }
  /// Whether cancel reached it. The call's executor only.
  [[nodiscard]] bool cancelled() const { return cancelled_; }

 private:
  const Executor executor_;
  HttpExchange* exchange_;  // nullptr once over
  bool cancelled_ = false;
};

/// What initialize agreed on.
struct SessionTerms {
  Scope scope;
  std::string principal_id;
  std::string protocol_version;
  std::string client_name;
  std::string client_version;
  std::string capabilities = "{}";  // what the client can be asked (asking_capabilities)
  bool askable = false;             // whether that is anything
  std::string scope_name;           // of the server that the endpoint serves alone; "" for all
  std::string upstream_session;     // that server's own id of the client's session; "" when it has none
  int64_t opened_ms = 0;            // wall clock
};

/// The terms as the session's id: sealed, bound to the principal and the endpoint, so that any engine with
/// the key can serve the session.
std::string seal_session(const Sealer& sealer, const SessionTerms& terms);
/// The reverse; nullopt for what is not such an id, or another principal's or endpoint's.
std::optional<SessionTerms> open_session(const Sealer& sealer, std::string_view id,
                                         std::string_view principal_id, Scope scope,
                                         std::string_view scope_name);

/// A session of a legacy client: bound to the principal that opened it, used from any thread.
class Session {
 public:
  Session(std::string id, SessionTerms terms, const SessionLimits& limits);

  [[nodiscard]] const std::string& id() const { return id_; }
  /// What rules, logs and audit call it: 128 bits of the id's digest, since the id itself is a key to the
  /// session.
  [[nodiscard]] const std::string& label() const { return label_; }
  [[nodiscard]] const SessionTerms& terms() const { return terms_; }

  /// The level the client asked for; nullopt when it never did.
  [[nodiscard]] std::optional<LogLevel> log_level() const;
  void set_log_level(LogLevel level);

  /// Messages for the client's GET stream.
  [[nodiscard]] EventQueue& events() { return events_; }
  /// What was sent on its streams, for a client that comes back.
  [[nodiscard]] ReplayStore& replay() { return replay_; }
  /// The client's sessions with servers.
  [[nodiscard]] UpstreamSessions& upstreams() { return upstreams_; }
  /// Claims the one stream a session may have open; false when it is taken.
  bool open_stream();
  void close_stream();
  [[nodiscard]] bool has_stream() const { return streaming_.load(std::memory_order_relaxed); }

  /// nullptr when too many are in flight.
  std::shared_ptr<InFlight> begin_call(std::string_view id_json, const Executor& executor,
                                       HttpExchange& exchange);
  void end_call(const std::shared_ptr<InFlight>& call);
  /// Cancels the calls with that id; false when there is none.
  bool cancel_call(std::string_view id_json);
  void cancel_all();

  /// What becomes of a question to the client: the text of a result or of an error object. Any thread, once.
  using AskDone = std::function<void(bool is_error, std::string payload)>;
  /// Registers a question; the id for its request as JSON text, or "" when too many are open or the session
  /// has ended.
  std::string begin_ask(AskDone done);
  /// The client's response. False when no question with that id is open.
  bool end_ask(std::string_view id_json, bool is_error, std::string payload);
  /// Nobody waits for the answer any more.
  void drop_ask(std::string_view id_json);
  /// Answers every open question with an error; no others can be asked.
  void end_asks();

  /// False when the limit is reached.
  bool subscribe(std::string_view uri);
  bool unsubscribe(std::string_view uri);
  [[nodiscard]] bool is_subscribed(std::string_view uri) const;
  [[nodiscard]] std::vector<std::string> subscriptions() const;

  void touch(int64_t now_ms) { last_used_ms_.store(now_ms, std::memory_order_relaxed); }
  [[nodiscard]] int64_t last_used_ms() const { return last_used_ms_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool busy() const;

 private:
  struct Call {
    std::string id_json;
    std::shared_ptr<InFlight> call;
  };
  static constexpr int kNoLevel = -1;

  const std::string id_;
  const std::string label_;
  const SessionTerms terms_;
  const SessionLimits limits_;
  std::atomic<int> log_level_ = kNoLevel;
  std::atomic<int64_t> last_used_ms_ = 0;
  std::atomic<bool> streaming_ = false;
  EventQueue events_;
  ReplayStore replay_;
  UpstreamSessions upstreams_;
  mutable std::mutex mutex_;  // guards what is below; held for a few instructions
  std::vector<Call> calls_;
  std::set<std::string, std::less<>> subscriptions_;
  std::map<std::string, AskDone, std::less<>> asks_;
  uint64_t asks_made_ = 0;
  bool asks_ended_ = false;
};

/// All sessions, in stripes with a lock each, so that io threads rarely meet.
class SessionTable {
 public:
  SessionTable(SessionLimits limits, const Sealer& sealer);
  /// Called for every session that ends, under its stripe's lock: must not come back to the table. Set before
  /// the first session.
  void on_end(std::function<void(Session&)> callback) { on_end_ = std::move(callback); }

  /// Opens a session. When there are as many as may be, one that has not been used for long is forgotten, and
  /// comes back when it is used again; nullptr when all of them are in use.
  std::shared_ptr<Session> create(SessionTerms terms, int64_t now_ms);
  struct Found {
    std::shared_ptr<Session> session;  // nullptr when it was never given out, has ended or expired, or
                                       // belongs to another principal or scope
    bool full = false;                 // it is good, but not here, and all that are here are in use
  };
  /// The session with that id. One that is not here but sealed with our key is taken up. `scope_name` as in
  /// the terms.
  Found find(std::string_view id, std::string_view principal_id, Scope scope, std::string_view scope_name,
             int64_t now_ms);
  /// Ends a session, its stream and its calls.
  bool erase(std::string_view id, std::string_view principal_id, Scope scope);
  /// Ends what has been idle too long.
  void sweep(int64_t now_ms);
  void for_each(const std::function<void(Session&)>& visit) const;
  void close_all();
  /// Never more than SessionLimits::sessions.
  [[nodiscard]] size_t size() const { return count_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kStripes = 64;
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Stripe {
    mutable std::mutex mutex;
    std::unordered_map<std::string, std::shared_ptr<Session>, Hash, std::equal_to<>> sessions;
    // Ids of sessions that ended before their seal expires, as hashes; the oldest are dropped.
    std::unordered_set<uint64_t> ended;
    std::deque<uint64_t> ended_order;
  };

  Stripe& stripe_of(std::string_view id) { return stripes_[Hash{}(id) % kStripes]; }
  [[nodiscard]] bool expired(const Session& session, int64_t now_ms) const;
  /// A place for one more, which release_places gives back; false when all are taken by sessions in use. No
  /// stripe is locked.
  bool claim_place();
  void release_places(size_t count) { count_.fetch_sub(count, std::memory_order_relaxed); }
  bool forget_one();
  /// `stripe` remembers that the id is no good any more.
  void end(Stripe& stripe, Session& session) const;
  void forget(Session& session) const;

  const SessionLimits limits_;
  const Sealer& sealer_;
  std::function<void(Session&)> on_end_;
  std::array<Stripe, kStripes> stripes_;
  std::atomic<size_t> count_ = 0;  // places taken: a session's before it is in its stripe, until it is not
  std::atomic<size_t> next_stripe_ = 0;  // where the next look for a session to forget begins
};

}  // namespace catalyst::mcp
