#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/decision/in_force.h"
#include "runtime/mcp/catalogue_keeper.h"
#include "runtime/mcp/envelope.h"
#include "runtime/mcp/exchange.h"
#include "runtime/mcp/observer.h"
#include "runtime/mcp/protocol.h"
#include "runtime/mcp/reply_stream.h"
#include "runtime/mcp/route_ask.h"
#include "runtime/mcp/route_runner.h"
#include "runtime/mcp/session.h"

namespace catalyst::mcp {

/// What a handler answers: one JSON-RPC message, or nothing.
struct Reply {
  int http_status = 200;
  std::string message;     // "" = no body
  std::string session_id;  // set by initialize, becomes a header
  std::string challenge;   // of a 403 for want of scopes: WWW-Authenticate
  int error_code = 0;      // of the message, 0 = a result
  bool streamed = false;   // the handler has already answered by a stream of its own
  bool abandoned = false;  // cancelled by the client: nobody waits for an answer
};

/// The answer to a message that is refused before any rule or server sees it.
inline Reply refusal(std::string_view id_json, int status, int error_code, std::string_view message,
                     std::string_view data = {}) {
  Reply reply;
  reply.http_status = status;
  reply.error_code = error_code;
  reply.message = error_message(id_json, error_object(error_code, message, data));
  return reply;
}

/// A call whose answer is fetched later.
struct TaskRef {
  uint32_t server = 0;
  std::string id;    // the server's own
  std::string tool;  // as the server knows it
  std::string arguments;
  std::string ours;   // the id that the client knows
  bool held = false;  // no task of the server's: its answer is kept here
};

/// One message on its way through the router. Lives in the handler's frame, on the connection's executor;
/// handlers fill in the record.
struct RequestContext {
  RequestContext(HttpExchange& http, const Envelope& message, Executor connection)
      : exchange(http), envelope(message), executor(std::move(connection)) {}

  HttpExchange& exchange;
  const Envelope& envelope;
  const Executor executor;  // the connection's
  Scope scope;
  Era era = Era::Legacy;
  std::shared_ptr<Session> session;                      // legacy only; nullptr for initialize
  std::shared_ptr<UpstreamSessions> principal_sessions;  // modern only, once needed
  std::shared_ptr<UpstreamSession>
      upstream_session;  // the client's own with the server of the call; nullptr: none needed
  // Where there is a choice of targets: what it depends on and what became of it, the route's runner, and the
  // way along a route that the pack declares (nullptr: the server's own). The name is that of a rule's
  // `route`, valid as long as the pack.
  std::shared_ptr<RouteAsk> route;
  std::shared_ptr<RouteRunner> runner;
  std::shared_ptr<Upstream> way;
  std::string_view route_name;
  ReplyStream* stream = nullptr;  // nullptr inside a batch
  std::string traceparent;
  std::string_view tracestate;
  std::string offered_capabilities;              // in place of the client's own, where not empty
  std::string param_headers;                     // Mcp-Param-* lines for the upstream
  std::shared_ptr<std::atomic<int>> unanswered;  // questions to a legacy client on behalf of this call
  std::vector<std::string> questions;            // their ids
  std::shared_ptr<const char> alive;             // for what comes back on the executor when this may be gone
  TaskRef task;  // that this message is about; its id is "" when it is about none
  RequestRecord record;

  // What the record's views point into.
  std::shared_ptr<const decision::InForce> in_force;
  std::shared_ptr<const decision::Pack> pack;  // of in_force, the one that decides for this principal
  CataloguePtr catalogue;
  std::vector<ObservedError> errors;
  std::vector<ObservedTag> tags;
  std::vector<ObservedEvent> events;
  std::vector<uint32_t> shadows;
  std::vector<std::string> labels;  // of the conversation, when rules read them
  std::vector<std::string_view> label_views;
  std::string rule_name;
  std::string arguments;
  std::string result;
  std::string failure;

  [[nodiscard]] std::string_view protocol_version() const {
    return era == Era::Modern ? kModernVersion
           : session          ? std::string_view(session->terms().protocol_version)
                              : "";
  }
  [[nodiscard]] std::string_view client_name() const {
    return session ? std::string_view(session->terms().client_name) : envelope.meta.client_name;
  }
  [[nodiscard]] std::string_view client_version() const {
    return session ? std::string_view(session->terms().client_version) : envelope.meta.client_version;
  }
  /// What this client can be asked, JSON object text.
  [[nodiscard]] std::string_view capabilities() const {
    if (era == Era::Modern) {
      return envelope.meta.client_capabilities_json;
    }
    return session ? std::string_view(session->terms().capabilities) : "{}";
  }
  /// The least severe log message this client wants during a call; nullopt = none.
  [[nodiscard]] std::optional<LogLevel> log_level() const;
};

}  // namespace catalyst::mcp
