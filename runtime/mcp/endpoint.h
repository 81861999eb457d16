#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/asio.h"
#include "runtime/decision/engine.h"
#include "runtime/decision/in_force.h"
#include "runtime/mcp/envelope.h"
#include "runtime/mcp/exchange.h"
#include "runtime/mcp/label_store.h"
#include "runtime/mcp/route_status.h"
#include "runtime/mcp/upstream.h"

namespace catalyst::routing {
class ResultCache;
}

namespace catalyst::mcp {

class CatalogueGuard;
class ChannelEnds;
class EnginePeers;
class Observer;
class RoutedUpstream;
class SharedResults;

struct SessionLimits {
  int64_t idle_ms = 30 * 60 * 1000;  // an unused session ends after this; an open event stream counts as use
  int64_t max_ms = 24 * 3'600'000;   // a session's id is no good after this, however busy it is
  size_t sessions = 10'000;    // kept at a time; beyond it the longest unused one of its shard is forgotten
                               // until it is used again
  size_t ended = 65'536;       // ids remembered as ended, 16 bytes or so each
  size_t stream_events = 256;  // queued for one event stream; beyond it the oldest are dropped
  size_t stream_bytes = 1024 * 1024;
  size_t calls_in_flight = 1024;  // of one session
  size_t subscriptions = 1024;    // resources one session or listener may watch
};

/// Clients that keep a connection open for all their messages: HTTP+SSE and WebSocket.
struct ChannelLimits {
  size_t channels = 1'000;           // at a time, of each kind; more are refused
  int64_t idle_ms = 30 * 60 * 1000;  // closed when nothing was said either way for so long
  int64_t ping_ms = 60'000;          // a WebSocket client that answers no ping for so long is gone
  int64_t admission_ms = 5'000;      // between two looks whether its client would still be let in
  size_t queued_bytes = size_t{16} * 1024 * 1024;  // not taken by the client yet; beyond it counts as gone
};

struct CatalogueLimits {
  size_t items = 10'000;             // of one kind from one server
  size_t pages = 100;                // followed per list
  size_t bytes = 32 * 1024 * 1024;   // of all definitions of one server
  int64_t load_timeout_ms = 30'000;  // per page
  int64_t settle_ms = 5'000;         // how long a request waits for servers that are still starting
  int64_t refresh_ms = 60'000;  // a listing older than this is renewed in the background when it is asked for
  int64_t coalesce_ms = 20;     // list_changed notifications this close together cause one reload
};

struct EndpointOptions {
  std::string path = "/mcp";
  /// HTTP+SSE of revision 2024-11-05: where event streams are opened and where messages go; "" for none.
  std::string sse_path = "/sse";
  std::string messages_path = "/messages";
  std::string websocket_path = "/ws";  // WebSocket; "" for none
  std::string separator = "__";        // between server and tool in federated names
  std::string server_name = "catalyst";
  std::string server_version = "0.1.0";
  std::string instructions;
  EnvelopeLimits envelope;
  SessionLimits sessions;
  CatalogueLimits catalogue;
  ChannelLimits channels;
  int64_t call_timeout_ms = 60'000;
  int64_t ask_timeout_ms =
      600'000;             // how long a client, that is a human as a rule, may take to answer a question
  size_t ask_rounds = 10;  // of questions in one call; what the official client allows
  size_t parked_calls =
      1024;  // whose clients of the new generation have been asked something and not come back yet
  /// Secrets that seal what clients keep for us: the first seals, all open. None: a random one, for this
  /// process alone.
  std::vector<std::string> secrets;
  /// Where engines with the same secrets reach this one, and the CA bundle (PEM) trusted at their addresses,
  /// "" for the system's. No address: no request is handed over to the engine that holds what it is about.
  std::string engine_url;
  std::string engine_ca;
  size_t tasks = 10'000;  // remembered for lists and status notices; ids go on working beyond
  size_t held_bytes = size_t{16} * 1024 * 1024;  // of results that wait to be fetched as those of tasks
  size_t listeners = 1024;                       // open subscriptions/listen streams
  decision::Limits decision;
  decision::Tap* tap = nullptr;  // sees every decision, outlives the endpoint; nullptr: nobody
  /// The header line with which a principal's requests go to a server, "" when they go as the gateway's own.
  /// May be empty.
  std::function<Task<Result<std::string>>(const HttpExchange& exchange, std::string_view server)> authorize;
  CatalogueGuard* guard = nullptr;             // looks at tools before they are listed; outlives the endpoint
  std::vector<std::string> unchecked_servers;  // whose calls are not checked against the tools' schemas
  std::vector<std::string> apart_servers;      // reached at their own path and by routes alone
  /// A schema that calls cannot be checked against. May be empty; any thread.
  std::function<void(std::string_view server, const std::string& reason)> schema_problem;
  /// Why the principal's token may not go on to a server, as the text of WWW-Authenticate; nullopt: it may.
  /// `tool` is "" for anything but a call. May be empty.
  std::function<std::optional<std::string>(const HttpExchange& exchange, std::string_view server,
                                           std::string_view tool)>
      scope_challenge;
  routing::ResultCache* cache = nullptr;  // of results along declared routes, outlives the endpoint; nullptr:
                                          // none are kept
  SharedResults* shared_cache = nullptr;  // the same, with other engines; outlives the endpoint
  /// What a declared route names and there is not. May be empty; any thread.
  std::function<void(const std::string& problem)> route_problem;
  size_t limit_buckets = 65'536;  // of `limit` effects, in memory
  LabelLimits labels;
  decision::WindowStore* windows = nullptr;  // what windows count; outlives the endpoint; nullptr: nothing
  uint32_t event_depth = 8;                  // events that events may emit, one after the other
  /// Host names a request may be addressed to (DNS rebinding protection); entries are hosts without port, or
  /// "*". Loopback by default.
  std::vector<std::string> allowed_hosts = {"localhost", "127.0.0.1", "[::1]"};
  /// Origins a browser may call from: hosts, or whole origins "https://app.example", or "*". Requests without
  /// Origin are not browsers'.
  std::vector<std::string> allowed_origins = {"localhost", "127.0.0.1", "[::1]"};
};

/// State of one upstream as clients see it.
struct ServerStatus {
  std::string name;
  UpstreamState state = UpstreamState::Starting;
  bool listed = false;  // its catalogue is loaded and served
  Era era = Era::Legacy;
  std::string protocol_version;
  size_t tools = 0;
  size_t prompts = 0;
  size_t resources = 0;
  std::string error;  // why it is not listed, "" otherwise
};

/// The MCP server that clients see: `PATH` serves all upstreams as one, `PATH/NAME` each alone; the same
/// behind the paths of the other transports. Shared by all io threads; `handle` runs on the connection's
/// executor, which must not run two handlers of one exchange at a time.
class Endpoint {
 public:
  /// `home` runs the upkeep of catalogues. `engine` and `observer` must outlive the endpoint; so must
  /// `home`'s context.
  Endpoint(Executor home, std::vector<std::shared_ptr<Upstream>> upstreams, decision::Engine& engine,
           Observer& observer, EndpointOptions options);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  /// Whether requests for this path are for `handle`.
  [[nodiscard]] bool serves(std::string_view path) const;
  /// Starts the upstreams and the upkeep of their catalogues.
  void start();
  /// Answers one HTTP request completely. Never throws.
  Task<void> handle(HttpExchange& exchange);
  /// The guard would answer otherwise now. Any thread.
  void inspect_again();
  /// Ends event streams, so that connections can be drained; calls in flight go on.
  void close_streams();
  /// Ends event streams, then stops the upstreams. Run it once, before the executors end.
  Task<void> stop();

  /// Any thread.
  [[nodiscard]] std::vector<ServerStatus> servers() const;
  [[nodiscard]] size_t session_count() const;
  /// What became of requests that another engine should answer.
  [[nodiscard]] const EnginePeers& peers() const;
  [[nodiscard]] const ChannelEnds& sse_ends() const;
  [[nodiscard]] const ChannelEnds& websocket_ends() const;
  /// Every route there is: of servers with several replicas, and those of packs that calls went along.
  [[nodiscard]] std::vector<RouteStatus> routes() const;
  /// The server of that name if it has replicas, else nullptr.
  [[nodiscard]] std::shared_ptr<RoutedUpstream> routed(std::string_view server) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace catalyst::mcp
