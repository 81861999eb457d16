#pragma once

// Internal to the endpoint: its parts.

#include <memory>
#include <optional>
#include <string_view>

#include "runtime/mcp/endpoint.h"
#include "runtime/mcp/http_edge.h"
#include "runtime/mcp/observer.h"
#include "runtime/mcp/router.h"
#include "runtime/mcp/sse_front.h"
#include "runtime/mcp/websocket_front.h"

namespace catalyst::mcp {

inline constexpr std::string_view kJsonType = "application/json";

struct Endpoint::Impl {
  Impl(const Executor& home, std::vector<std::shared_ptr<Upstream>> upstreams, decision::Engine& engine,
       Observer& observer_, EndpointOptions options)
      : router(std::make_shared<Router>(home, std::move(upstreams), engine, std::move(options))),
        observer(observer_),
        sse(*router, [this](HttpExchange& exchange) { return handle(exchange); }),
        websockets(*router, [this](HttpExchange& exchange) { return handle(exchange); }) {
    router->on_sweep([this](int64_t now_ms) {
      sse.sweep(now_ms);
      websockets.sweep(now_ms);
    });
    router->on_answer([this](RequestContext& context, const Reply& reply, int64_t start_ns) {
      report(context, reply, start_ns);
    });
  }
  ~Impl() {
    router->on_sweep([](int64_t) {});
    router->on_answer([](RequestContext&, const Reply&, int64_t) {});
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  const std::shared_ptr<Router> router;
  Observer& observer;
  SseFront sse;
  WebSocketFront websockets;

  [[nodiscard]] const EndpointOptions& options() const { return router->options(); }
  [[nodiscard]] bool knows_peers() const { return !options().engine_url.empty(); }

  Task<void> handle(HttpExchange& exchange);
  Task<void> channel_request(HttpExchange& exchange, std::string_view base);
  Task<void> post(HttpExchange& exchange, Scope scope);
  Task<void> batch(HttpExchange& exchange, Scope scope);
  Task<void> get(HttpExchange& exchange, Scope scope);
  static Task<void> resume(HttpExchange& exchange, ReplayStore& replay, ReplayStore::Place place);
  Task<void> remove(HttpExchange& exchange, Scope scope);
  Task<void> refuse(HttpExchange& exchange, Reply reply, std::string_view allow = {});
  Task<bool> hand_over(HttpExchange& exchange, const Envelope& envelope, Era era);
  Task<bool> hand_over_session(HttpExchange& exchange);
  Task<void> run(RequestContext& context, Accepts accepts, int64_t start_ns);
  Task<void> deliver(RequestContext& context, const Reply& reply, Accepts accepts);

  /// The session a message names; else why it may not go on.
  [[nodiscard]] std::optional<Reply> find_session(HttpExchange& exchange, Scope scope,
                                                  std::string_view id_json,
                                                  std::shared_ptr<Session>& session) const;
  [[nodiscard]] std::optional<Scope> scope_of(std::string_view path, std::string_view base) const;
  void prepare(RequestContext& context, Scope scope, Era era) const;
  void report(RequestContext& context, const Reply& reply, int64_t start_ns) const;
};

}  // namespace catalyst::mcp
