#include "runtime/mcp/endpoint.h"

#include <boost/asio/this_coro.hpp>

#include "runtime/base/clock.h"
#include "runtime/mcp/endpoint_impl.h"
#include "runtime/mcp/engine_peers.h"
#include "runtime/mcp/server_status.h"
#include "runtime/mcp/sse_headers.h"
#include "runtime/mcp/trace.h"

namespace catalyst::mcp {
namespace {

constexpr std::string_view kCancelled = "the client cancelled, or closed its connection";
constexpr Header kRetryAfter = {"Retry-After", "1"};

}  // namespace

std::optional<Scope> Endpoint::Impl::scope_of(std::string_view path, std::string_view base) const {
  const std::string_view name = name_under(path, base);
  const std::optional<uint32_t> server = router->server_index(name);
  return !lies_under(path, base) || (!name.empty() && !server) ? std::nullopt
         : name.empty()                                        ? std::optional(Scope())
                                                               : std::optional(Scope{*server});
}

std::optional<Reply> Endpoint::Impl::find_session(HttpExchange& exchange, Scope scope,
                                                  std::string_view id_json,
                                                  std::shared_ptr<Session>& session) const {
  const std::optional<std::string_view> id = exchange.header("Mcp-Session-Id");
  if (!id || id->empty()) {
    return refusal(id_json, 400, code::kServerError,
                   exchange.mirrors_arguments() ? "Bad Request: Mcp-Session-Id header is required"
                                                : "Bad Request: initialize must come first");
  }
  const SessionTable::Found found = router->sessions().find(
      EnginePeers::unmarked(*id), exchange.principal().id, scope, router->scope_name(scope), steady_ms());
  if (found.full) {
    return refusal(id_json, 503, code::kServerError, "Too many sessions are in use.");
  }
  if (found.session == nullptr) {
    return refusal(id_json, 404, -32001, "Session not found");
  }
  session = found.session;
  return std::nullopt;
}

void Endpoint::Impl::prepare(RequestContext& context, Scope scope, Era era) const {
  context.scope = scope;
  context.era = era;
  const Meta& meta = context.envelope.meta;
  TraceContext trace = continue_trace({{context.exchange.header("traceparent").value_or(std::string_view()),
                                        context.exchange.header("tracestate").value_or(std::string_view())},
                                       {meta.traceparent, meta.tracestate}});
  context.traceparent = std::move(trace.parent);
  context.tracestate = trace.state;
  context.record.start_us = wall_us();
}

void Endpoint::Impl::report(RequestContext& context, const Reply& reply, int64_t start_ns) const {
  RequestRecord& record = context.record;
  record.request_id = context.exchange.request_id();
  record.trace_id = trace_id_of(context.traceparent);
  record.principal = context.exchange.principal().id;
  record.peer = context.exchange.peer();
  record.session_id = context.session ? std::string_view(context.session->label()) : std::string_view();
  record.protocol_version = context.protocol_version();
  record.method = context.envelope.method;
  record.era = context.era;
  record.pack = context.pack.get();
  record.rule_name = context.rule_name;
  record.errors = context.errors;
  record.tags = context.tags;
  record.events = context.events;
  record.shadows = context.shadows;
  if (record.audit == decision::AuditLevel::Full) {
    record.arguments = context.arguments;
    record.result = context.result;
  }
  record.failure = reply.abandoned ? std::string_view(kCancelled) : std::string_view(context.failure);
  record.route = context.route == nullptr ? nullptr : &context.route->trace;
  record.http_status = reply.abandoned ? kCancelledStatus : reply.http_status;
  record.error_code = reply.error_code;
  record.total_ns = steady_ns() - start_ns;
  record.request_bytes = context.envelope.text.size();
  record.response_bytes = reply.message.size();
  observer.on_request(record);
}

Task<void> Endpoint::Impl::refuse(HttpExchange& exchange, Reply reply, std::string_view allow) {
  const int64_t start = steady_ns();
  const Envelope none;
  RequestContext context(exchange, none, co_await asio::this_coro::executor);
  prepare(context, {}, Era::Legacy);
  const Header headers[] = {
      {"Content-Type", kJsonType},
      reply.http_status == 503 ? kRetryAfter : Header{"Allow", allow},
  };
  const bool more = reply.http_status == 503 || !allow.empty();
  co_await exchange.respond(reply.http_status, std::span(headers, more ? 2 : 1), reply.message);
  report(context, reply, start);
}

/// No coroutine itself: a frame less on the way of every request.
Task<void> Endpoint::Impl::handle(HttpExchange& exchange) {
  const std::optional<std::string_view> origin = exchange.header("Origin");
  if (!is_allowed_host(exchange.header("Host").value_or(std::string_view()), options().allowed_hosts) ||
      (origin && !is_allowed_origin(*origin, options().allowed_origins))) {
    return refuse(exchange,
                  refusal({}, 403, code::kServerError, "Forbidden: Host or Origin is not allowed here"));
  }
  if (router->peers().misdirected(exchange)) {
    return refuse(exchange, refusal({}, 421, code::kServerError, "Misdirected Request: somebody else here"));
  }
  for (const std::string* base : {&options().sse_path, &options().messages_path, &options().websocket_path}) {
    if (lies_under(exchange.path(), *base)) {
      return channel_request(exchange, *base);
    }
  }
  const std::optional<Scope> scope = scope_of(exchange.path(), options().path);
  if (!scope) {
    return refuse(exchange, refusal({}, 404, code::kServerError, "Not found: no such server"));
  }
  const std::string_view method = exchange.method();
  if (method == "POST") {
    return post(exchange, *scope);
  }
  // The modern generation has neither sessions nor a stream to GET.
  const bool modern = exchange.header("MCP-Protocol-Version") == kModernVersion;
  if (!modern && method == "GET") {
    return get(exchange, *scope);
  }
  if (!modern && method == "DELETE") {
    return remove(exchange, *scope);
  }
  return refuse(exchange, refusal({}, 405, code::kServerError, "Method not allowed"),
                modern ? "POST" : "GET, POST, DELETE");
}

/// HTTP+SSE, with a GET at its first path and POSTs at its second, and WebSocket.
Task<void> Endpoint::Impl::channel_request(HttpExchange& exchange, std::string_view base) {
  const std::optional<Scope> scope = scope_of(exchange.path(), base);
  if (!scope) {
    co_return co_await refuse(exchange, refusal({}, 404, code::kServerError, "Not found: no such server"));
  }
  const bool posts = base == options().messages_path;
  if (exchange.method() != (posts ? "POST" : "GET")) {
    co_return co_await refuse(exchange, refusal({}, 405, code::kServerError, "Method not allowed"),
                              posts ? "POST" : "GET");
  }
  const std::string server = scope->federated() ? "" : "/" + std::string(router->scope_name(*scope));
  std::optional<Reply> refused;
  if (posts) {
    refused = co_await sse.post(exchange, *scope);
  } else if (base == options().sse_path) {
    refused = co_await sse.open(exchange, *scope, server);
  } else {
    refused = co_await websockets.serve(exchange, server);
  }
  if (refused) {
    co_await refuse(exchange, *refused);
  }
}

Task<void> Endpoint::Impl::post(HttpExchange& exchange, Scope scope) {
  if (!is_json_content(exchange.header("Content-Type"))) {
    co_return co_await refuse(exchange,
                              refusal({}, 415, code::kServerError,
                                      "Unsupported Media Type: Content-Type must be application/json"));
  }
  const Accepts accepts = read_accept(exchange.header("Accept"));
  if (!accepts.json && !accepts.events) {
    co_return co_await refuse(
        exchange, refusal({}, 406, code::kServerError,
                          "Not Acceptable: Client must accept application/json or text/event-stream"));
  }
  if (is_batch(exchange.body())) {
    co_return co_await batch(exchange, scope);
  }
  const int64_t start = steady_ns();
  Envelope envelope;
  RequestContext context(exchange, envelope, co_await asio::this_coro::executor);
  const EnvelopeFault fault = parse_envelope(exchange.body(), options().envelope, envelope);
  const Classification classified = fault ? Classification{} : classify(envelope, protocol_headers(exchange));
  prepare(context, scope, classified.era);

  std::optional<Reply> early;
  if (knows_peers() && !fault && !classified.rejection &&
      co_await hand_over(exchange, envelope, classified.era)) {
    co_return;
  }
  if (fault) {
    early = refusal(envelope.id_json, 400, fault.code, fault.message);
  } else if (classified.rejection) {
    const Rejection& why = *classified.rejection;
    early = refusal(envelope.id_json, why.http_status, why.code, why.message, why.data_json);
  } else if (context.era == Era::Legacy && envelope.method != "initialize") {
    early = find_session(exchange, scope, envelope.id_json, context.session);
  }
  if (early) {
    co_await deliver(context, *early, accepts);
    report(context, *early, start);
  } else if (envelope.kind == MessageKind::Request) {
    co_await run(context, accepts, start);
  } else {
    Reply accepted;
    accepted.http_status = 202;
    if (envelope.kind == MessageKind::Notification) {
      co_await router->notification(context);
    } else if (std::optional<Reply> refused = router->response(context)) {
      co_await deliver(context, *refused, accepts);
      report(context, *refused, start);
      co_return;
    }
    co_await exchange.respond(202, {}, {});
    report(context, accepted, start);
  }
}

Task<void> Endpoint::Impl::run(RequestContext& context, Accepts accepts, int64_t start_ns) {
  ReplyStream stream(context.exchange, options().sessions,
                     accepts.events ? ReplyStream::Mode::OnDemand : ReplyStream::Mode::Off, context.session);
  context.stream = &stream;
  if (context.era == Era::Legacy) {
    // A legacy client that hangs up has not cancelled: only notifications/cancelled does.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  }
  Reply reply;
  try {
    reply = co_await router->request(context);
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    reply.abandoned = reply.abandoned || state.cancelled() != asio::cancellation_type::none;
  } catch (const boost::system::system_error&) {
    reply.abandoned = true;
  } catch (const std::exception& e) {
    context.failure = e.what();
    reply = refusal(context.envelope.id_json, 200, code::kInternalError, "Internal error");
  }
  if (stream.started()) {
    // The stream's writer uses the exchange: it must be done before this frame may go.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await stream.finish(reply.message);
  } else if (!reply.streamed) {
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    co_await deliver(context, reply, accepts);
  }
  report(context, reply, start_ns);
}

Task<void> Endpoint::Impl::deliver(RequestContext& context, const Reply& reply, Accepts accepts) {
  HttpExchange& exchange = context.exchange;
  if (reply.abandoned) {
    co_await exchange.respond(202, {}, {});
    co_return;
  }
  if (!reply.challenge.empty()) {
    const Header refused[] = {{"Content-Type", kJsonType}, {"WWW-Authenticate", reply.challenge}};
    co_await exchange.respond(reply.http_status, refused, reply.message);
    co_return;
  }
  if (reply.http_status == 503) {
    const Header busy[] = {{"Content-Type", kJsonType}, kRetryAfter};
    co_await exchange.respond(reply.http_status, busy, reply.message);
    co_return;
  }
  const Header headers[] = {{"Content-Type", kJsonType}, {"Mcp-Session-Id", reply.session_id}};
  if (accepts.json || reply.http_status != 200) {
    co_await exchange.respond(reply.http_status, std::span(headers, reply.session_id.empty() ? 1 : 2),
                              reply.message);
    co_return;
  }
  const Header event_headers[] = {kSseHeaders[0], kSseHeaders[1], headers[1]};
  // The whole stream is known: it needs no chunks.
  co_await exchange.respond(200, std::span(event_headers, reply.session_id.empty() ? 2 : 3),
                            sse_event(reply.message));
}

Endpoint::Endpoint(Executor home, std::vector<std::shared_ptr<Upstream>> upstreams, decision::Engine& engine,
                   Observer& observer, EndpointOptions options)
    : impl_(std::make_shared<Impl>(home, std::move(upstreams), engine, observer, std::move(options))) {}

Endpoint::~Endpoint() = default;

bool Endpoint::serves(std::string_view path) const {
  const EndpointOptions& options = impl_->options();
  return lies_under(path, options.path) || lies_under(path, options.sse_path) ||
         lies_under(path, options.messages_path) || lies_under(path, options.websocket_path);
}

void Endpoint::start() { impl_->router->start(); }

Task<void> Endpoint::handle(HttpExchange& exchange) {
  const std::shared_ptr<Impl> impl = impl_;
  try {
    co_await impl->handle(exchange);
  } catch (const boost::system::system_error&) {
    // The connection is gone and its handler was cancelled: nothing is left to answer.
  } catch (const std::exception&) {
    // Out of memory while answering; the connection ends what was begun.
  }
}

void Endpoint::inspect_again() { impl_->router->inspect_again(); }

void Endpoint::close_streams() {
  impl_->sse.close_all();
  impl_->websockets.close_all();
  impl_->router->close_streams();
  impl_->router->peers().close_streams();
}

Task<void> Endpoint::stop() {
  impl_->sse.close_all();
  impl_->websockets.close_all();
  return impl_->router->stop();
}

std::vector<ServerStatus> Endpoint::servers() const { return server_statuses(*impl_->router); }

std::vector<RouteStatus> Endpoint::routes() const { return impl_->router->routes(); }

std::shared_ptr<RoutedUpstream> Endpoint::routed(std::string_view server) const {
  const std::optional<uint32_t> index = impl_->router->server_index(server);
  return index ? impl_->router->routed(*index) : nullptr;
}

const EnginePeers& Endpoint::peers() const { return impl_->router->peers(); }
const ChannelEnds& Endpoint::sse_ends() const { return impl_->sse.ends(); }
const ChannelEnds& Endpoint::websocket_ends() const { return impl_->websockets.ends(); }

size_t Endpoint::session_count() const { return impl_->router->sessions().size(); }

}  // namespace catalyst::mcp
