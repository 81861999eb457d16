// The endpoint's part in sessions: whose they are, their streams, batches and ends, and requests that another
// engine should answer.

#include <boost/asio/this_coro.hpp>
#include <string>
#include <vector>

#include "runtime/base/clock.h"
#include "runtime/mcp/admission_watch.h"
#include "runtime/mcp/endpoint_impl.h"
#include "runtime/mcp/engine_peers.h"
#include "runtime/mcp/json_reader.h"
#include "runtime/mcp/sse_headers.h"
#include "runtime/mcp/stream_claim.h"

namespace catalyst::mcp {
namespace {

/// What a message of the new generation names that an engine may hold: a task, several of them to listen to,
/// or a call that waits.
std::vector<std::string> held_by(const Envelope& envelope) {
  if (!envelope.task_id.empty()) {
    return {std::string(envelope.task_id)};
  }
  if (envelope.method == "subscriptions/listen") {
    std::vector<std::string> out;
    JsonReader reader;
    const std::string_view ids = find_member(find_member(envelope.params_json, "notifications"), "taskIds");
    if (ids.starts_with('[') && reader.open(ids) && reader.enter_array()) {
      while (reader.next_element()) {
        out.push_back(string_of(reader.value()));
      }
    }
    return out;
  }
  return {string_of(find_member(envelope.params_json, "requestState"))};
}

}  // namespace

/// Whether the engine that holds what the message is about has answered it.
Task<bool> Endpoint::Impl::hand_over(HttpExchange& exchange, const Envelope& envelope, Era era) {
  if (era == Era::Legacy) {
    co_return co_await router->peers().hand_over(
        exchange, exchange.header("Mcp-Session-Id").value_or(std::string_view()), envelope.id_json);
  }
  for (const std::string& held : held_by(envelope)) {
    if (co_await router->peers().hand_over(exchange, held, envelope.id_json)) {
      co_return true;
    }
  }
  co_return false;
}

Task<bool> Endpoint::Impl::hand_over_session(HttpExchange& exchange) {
  const Envelope none;
  co_return knows_peers() && co_await hand_over(exchange, none, Era::Legacy);
}

Task<void> Endpoint::Impl::batch(HttpExchange& exchange, Scope scope) {
  const bool modern = exchange.header("MCP-Protocol-Version") == kModernVersion;
  std::vector<std::string_view> texts;
  if (const EnvelopeFault fault = split_batch(exchange.body(), options().envelope, texts)) {
    co_return co_await refuse(exchange, refusal({}, 400, fault.code, fault.message));
  }
  if (!modern && co_await hand_over_session(exchange)) {
    co_return;
  }
  std::shared_ptr<Session> session;
  if (std::optional<Reply> early = find_session(exchange, scope, {}, session); early && !modern) {
    co_return co_await refuse(exchange, *early);
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  std::vector<Envelope> envelopes(texts.size());
  std::vector<EnvelopeFault> faults(texts.size());
  bool legacy = !modern;
  for (size_t i = 0; i < texts.size(); ++i) {
    faults[i] = parse_envelope(texts[i], options().envelope, envelopes[i]);
    legacy = legacy && (faults[i] || classify(envelopes[i], protocol_headers(exchange)).era == Era::Legacy);
  }
  if (!legacy) {
    co_return co_await refuse(exchange, refusal({}, 400, code::kInvalidRequest,
                                                "Invalid request: this protocol revision has no batches"));
  }
  std::string body = "[";
  for (size_t i = 0; i < texts.size(); ++i) {
    const int64_t start = steady_ns();
    RequestContext context(exchange, envelopes[i], co_await asio::this_coro::executor);
    context.session = session;
    prepare(context, scope, Era::Legacy);
    Reply reply;
    if (faults[i]) {
      reply = refusal(envelopes[i].id_json, 200, faults[i].code, faults[i].message);
    } else if (envelopes[i].kind == MessageKind::Request) {
      reply = co_await router->request(context);
    } else if (envelopes[i].kind == MessageKind::Notification) {
      co_await router->notification(context);
    } else if (std::optional<Reply> refused = router->response(context)) {
      reply = std::move(*refused);
    }
    if (!reply.message.empty()) {
      body.append(body.size() > 1 ? "," : "").append(reply.message);
    }
    report(context, reply, start);
  }
  body += ']';
  const Header headers[] = {{"Content-Type", kJsonType}};
  if (body.size() == 2) {
    co_await exchange.respond(202, {}, {});
  } else {
    co_await exchange.respond(200, headers, body);
  }
}

Task<void> Endpoint::Impl::get(HttpExchange& exchange, Scope scope) {
  if (!read_accept(exchange.header("Accept")).events) {
    co_return co_await refuse(exchange, refusal({}, 406, code::kServerError,
                                                "Not Acceptable: Client must accept text/event-stream"));
  }
  if (co_await hand_over_session(exchange)) {
    co_return;
  }
  std::shared_ptr<Session> session;
  if (std::optional<Reply> early = find_session(exchange, scope, {}, session)) {
    co_return co_await refuse(exchange, *early);
  }
  const AdmissionWatch watch(exchange, co_await asio::this_coro::executor, options().channels.admission_ms,
                             [&exchange] { exchange.cut(); });
  const std::optional<ReplayStore::Place> place =
      ReplayStore::parse(exchange.header("Last-Event-ID").value_or(std::string_view()));
  if (place && place->stream != 0 && session->replay().knows(*place)) {
    co_return co_await resume(exchange, session->replay(), *place);
  }
  const StreamClaim claim(session);
  if (!claim.held()) {
    co_return co_await refuse(exchange, refusal({}, 409, code::kServerError,
                                                "Conflict: Only one SSE stream is allowed per session"));
  }
  session->upstreams().listen();
  // Another engine begins its answer with the first byte of ours.
  Result<void> sent = co_await exchange.begin_stream(
      200, kSseHeaders, EnginePeers::came_over(exchange) ? ": open\n\n" : std::string_view());
  ReplayStore& replay = session->replay();
  for (std::optional<ReplayStore::Event> missed = place ? replay.peek(*place) : std::nullopt; sent && missed;
       missed = replay.peek(missed->place)) {
    sent = co_await exchange.write(sse_event(missed->message, ReplayStore::id_of(missed->place)));
  }
  while (sent) {
    const std::optional<std::string> message = co_await session->events().next();
    if (!message) {
      break;
    }
    sent = co_await exchange.write(sse_event(*message, ReplayStore::id_of(replay.keep(0, *message))));
  }
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (sent && state.cancelled() == asio::cancellation_type::none) {
    co_await exchange.end_stream({});
  }
}

/// What is left of the answer to a request whose connection was lost.
Task<void> Endpoint::Impl::resume(HttpExchange& exchange, ReplayStore& replay, ReplayStore::Place place) {
  Result<void> sent = co_await exchange.begin_stream(200, kSseHeaders, {});
  while (sent) {
    const std::optional<ReplayStore::Event> event = co_await replay.next(place);
    if (!event) {
      break;
    }
    place = event->place;
    sent = co_await exchange.write(sse_event(event->message, ReplayStore::id_of(place)));
  }
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (sent && state.cancelled() == asio::cancellation_type::none) {
    co_await exchange.end_stream({});
  }
}

Task<void> Endpoint::Impl::remove(HttpExchange& exchange, Scope scope) {
  if (co_await hand_over_session(exchange)) {
    co_return;
  }
  std::shared_ptr<Session> session;
  if (std::optional<Reply> early = find_session(exchange, scope, {}, session)) {
    co_return co_await refuse(exchange, *early);
  }
  session->upstreams().close(UpstreamSessions::Ending::Told);
  router->sessions().erase(session->id(), exchange.principal().id, scope);
  co_await exchange.respond(200, {}, {});
}

}  // namespace catalyst::mcp
