#pragma once

// Test doubles of our own interfaces: an upstream that answers from a function with real JSON-RPC text, and
// an HTTP exchange that keeps what was written to it.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/abi/unit.h"
#include "runtime/base/check.h"
#include "runtime/decision/engine.h"
#include "runtime/mcp/endpoint.h"
#include "runtime/mcp/envelope.h"
#include "runtime/mcp/observer.h"

namespace catalyst::mcp {

class FakeUpstream : public Upstream {
 public:
  struct Seen {
    std::string method;
    std::string params;
    std::string name;
    std::string log_level;
    std::string extra_headers;
  };

  FakeUpstream(std::string name, Era era) : name_(std::move(name)) {
    auto info = std::make_shared<UpstreamInfo>();
    info->era = era;
    info->protocol_version = era == Era::Modern ? "2026-07-28" : "2025-11-25";
    info->server_info = R"({"name":"fake-)" + name_ + R"(","version":"1"})";
    info->capabilities =
        R"({"tools":{},"prompts":{},"resources":{"subscribe":true},"completions":{},"logging":{}})";
    info_ = info;
  }

  // Result text by method; a text that starts with "!" is an error object.
  std::map<std::string, std::string> answers;
  std::vector<Seen> seen;
  std::vector<std::string> notified;
  std::vector<std::string> notifications;  // sent before the reply of a tool call
  std::vector<std::string> watched;
  bool up = true;
  bool cancelled = false;
  int delay_ms = 0;
  UpstreamEvent event;

  /// What it offers, JSON object text; before the gateway starts.
  void declare(std::string capabilities) {
    auto info = std::make_shared<UpstreamInfo>(*info_);
    info->capabilities = std::move(capabilities);
    info_ = info;
  }
  /// As after a restart: the same server, greeted anew.
  void reconnect() { info_ = std::make_shared<UpstreamInfo>(*info_); }

  const std::string& name() const override { return name_; }
  UpstreamState state() const override { return up ? UpstreamState::Ready : UpstreamState::Backoff; }
  std::string last_error() const override { return up ? "" : "refused"; }
  void start(UpstreamEvent on_event) override { event = std::move(on_event); }
  Task<Result<std::shared_ptr<const UpstreamInfo>>> ready(int64_t) override {
    if (!up) {
      co_return error("connection refused");
    }
    co_return info_;
  }
  Task<Result<UpstreamReply>> call(const UpstreamCall& call) override {
    seen.push_back({std::string(call.method), std::string(call.params), std::string(call.name),
                    std::string(call.log_level), std::string(call.extra_headers)});
    if (!up) {
      co_return error("connection refused");
    }
    if (call.method == "tools/call") {
      for (const std::string& message : notifications) {
        call.on_notification(message);
      }
      if (delay_ms > 0) {
        SteadyTimer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(delay_ms));
        const auto [failed] = co_await timer.async_wait(asio::as_tuple(use_awaitable));
        cancelled = static_cast<bool>(failed);
        if (failed) {
          co_return error("cancelled");
        }
      }
    }
    const auto found = answers.find(std::string(call.method));
    std::string text =
        found == answers.end() ? R"(!{"code":-32601,"message":"Method not found"})" : found->second;
    UpstreamReply reply;
    reply.is_error = text.starts_with('!');
    reply.body = reply.is_error ? text.substr(1) : text;
    reply.payload = reply.body;
    co_return reply;
  }
  Task<Result<void>> notify(std::string_view method, std::string_view, UpstreamSession*) override {
    notified.emplace_back(method);
    co_return Result<void>();
  }
  bool shared() const override { return true; }
  std::shared_ptr<UpstreamSession> open(ClientTerms) override { return nullptr; }
  Task<Result<std::string>> establish(UpstreamSession&) override { co_return std::string(); }
  void watch(std::vector<std::string> uris) override { watched = std::move(uris); }
  Task<void> stop() override { co_return; }

 private:
  std::string name_;
  std::shared_ptr<const UpstreamInfo> info_;
};

class FakeExchange : public HttpExchange {
 public:
  std::string verb = "POST";
  std::string target = "/mcp";
  std::map<std::string, std::string> headers = {{"Host", "127.0.0.1:8080"},
                                                {"Content-Type", "application/json"},
                                                {"Accept", "application/json, text/event-stream"}};
  std::string text;
  decision::Principal who;
  std::shared_ptr<const decision::Principal> owned;  // instead of `who`
  std::string asked;                                 // behind the `?`
  bool done = false;
  int status = 0;
  std::map<std::string, std::string> sent_headers;
  std::string sent;  // body, or everything streamed
  bool streaming = false;
  bool ended = false;
  bool admitted = true;  // what the client showed is still good

  std::string_view method() const override { return verb; }
  std::string_view path() const override { return target; }
  std::string_view query() const override { return asked; }
  std::optional<std::string_view> header(std::string_view name) const override {
    const auto found = headers.find(std::string(name));
    return found == headers.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  }
  void for_each_header(const std::function<void(std::string_view, std::string_view)>& visit) const override {
    for (const auto& [name, value] : headers) {
      visit(name, value);
    }
  }
  std::string& body() override { return text; }
  std::string_view peer() const override { return "127.0.0.1"; }
  const decision::Principal& principal() const override { return owned != nullptr ? *owned : who; }
  std::shared_ptr<const decision::Principal> principal_owner() const override {
    return owned != nullptr ? owned : std::make_shared<const decision::Principal>(who);
  }
  std::string_view request_id() const override { return "req-1"; }
  bool still_admitted() override { return admitted; }
  void cut() override { signal->emit(asio::cancellation_type::terminal); }

  Task<Result<void>> respond(int code, std::span<const Header> with, std::string_view body_text) override {
    keep(code, with);
    sent = body_text;
    co_return Result<void>();
  }
  Task<Result<void>> begin_stream(int code, std::span<const Header> with, std::string_view first) override {
    keep(code, with);
    streaming = true;
    sent += first;
    co_return Result<void>();
  }
  Task<Result<void>> write(std::string_view chunk) override {
    sent += chunk;
    co_return Result<void>();
  }
  Task<Result<void>> end_stream(std::string_view last) override {
    sent += last;
    ended = true;
    co_return Result<void>();
  }
  void cancel() override { signal->emit(asio::cancellation_type::partial); }
  // Of the handler, as a connection has it.
  std::shared_ptr<asio::cancellation_signal> signal = std::make_shared<asio::cancellation_signal>();

 private:
  void keep(int code, std::span<const Header> with) {
    CHECK(status == 0, "one answer per exchange");
    status = code;
    for (const Header& h : with) {
      sent_headers[std::string(h.name)] = h.value;
    }
  }
};

struct FakeObserver : Observer {
  struct Kept {
    std::string method;
    std::string principal;
    std::string server;
    std::string tool;
    Ruling ruling;
    std::string rule;
    int status;
    int error;
    uint32_t redactions;
    std::string arguments;
    std::string result;
    decision::AuditLevel audit;
    std::vector<std::string> events;  // "name data", with a `!` behind those that nobody heard
    std::vector<std::string> tags;
    std::string failure;
  };
  std::vector<Kept> kept;
  void on_request(const RequestRecord& r) noexcept override {
    kept.push_back({std::string(r.method),
                    std::string(r.principal),
                    std::string(r.server),
                    std::string(r.tool),
                    r.ruling,
                    std::string(r.rule_name),
                    r.http_status,
                    r.error_code,
                    r.redactions,
                    std::string(r.arguments),
                    std::string(r.result),
                    r.audit,
                    {},
                    {},
                    std::string(r.failure)});
    for (const ObservedEvent& event : r.events) {
      kept.back().events.push_back(event.name + " " + event.json + (event.unheard ? "!" : ""));
    }
    for (const ObservedTag& tag : r.tags) {
      kept.back().tags.push_back(tag.key);
    }
  }
};

inline std::shared_ptr<const decision::Pack> empty_pack() {
  auto unit = std::make_shared<abi::Unit>();
  unit->pack_name = "empty";
  unit->pack_version = "1.0.0";
  return std::make_shared<const decision::Pack>(std::move(unit));
}

/// A gateway in front of fake upstreams, on one thread.
class Gateway {
 public:
  explicit Gateway(std::vector<std::shared_ptr<FakeUpstream>> fakes,
                   std::shared_ptr<const decision::Pack> pack = empty_pack(), EndpointOptions options = {})
      : engine(std::move(pack)),
        endpoint(io.get_executor(), {fakes.begin(), fakes.end()}, engine, observer,
                 fast(std::move(options))) {
    endpoint.start();
    run_for(20);
  }
  ~Gateway() { stop(); }

  asio::io_context io;
  decision::Engine engine;
  FakeObserver observer;
  Endpoint endpoint;

  /// Ends what is open; exchanges with open streams must still be alive.
  void stop() {
    if (!stopped_) {
      stopped_ = true;
      asio::co_spawn(io, endpoint.stop(), [](const std::exception_ptr&) {});
      run_for(20);
    }
  }
  void run_for(int ms) {
    io.restart();
    io.run_for(std::chrono::milliseconds(ms));
  }
  void begin(FakeExchange& exchange) {
    exchange.text.reserve(exchange.text.size() + 64);
    asio::co_spawn(
        io, endpoint.handle(exchange),
        asio::bind_cancellation_slot(exchange.signal->slot(),
                                     [&exchange](const std::exception_ptr&) { exchange.done = true; }));
  }
  void run(FakeExchange& exchange) {
    begin(exchange);
    for (int i = 0; i < 1000 && !exchange.done; ++i) {
      run_for(2);
    }
  }
  /// Opens a legacy session and answers its id.
  std::string open(std::string path = "/mcp", std::string version = "2025-11-25") {
    FakeExchange exchange;
    exchange.target = std::move(path);
    exchange.text = R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" +
                    version + R"(","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})";
    run(exchange);
    return exchange.sent_headers["Mcp-Session-Id"];
  }
  /// A legacy request; answers the message.
  std::string ask(const std::string& session, const std::string& body, std::string path = "/mcp") {
    FakeExchange exchange;
    exchange.target = std::move(path);
    exchange.headers["Mcp-Session-Id"] = session;
    exchange.text = body;
    run(exchange);
    return exchange.sent;
  }

 private:
  static EndpointOptions fast(EndpointOptions options) {
    options.catalogue.settle_ms = 200;
    return options;
  }

  bool stopped_ = false;
};

/// A modern request with all its headers and keys; `params` are its other members, each with a comma behind.
inline FakeExchange modern(const std::string& method, const std::string& params = "",
                           const std::string& name = "", const std::string& more_meta = "") {
  FakeExchange exchange;
  exchange.headers["MCP-Protocol-Version"] = "2026-07-28";
  exchange.headers["Mcp-Method"] = method;
  if (!name.empty()) {
    exchange.headers["Mcp-Name"] = name;
  }
  exchange.text = R"({"jsonrpc":"2.0","id":"m1","method":")" + method + R"(","params":{)" + params +
                  R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)" + more_meta +
                  R"("io.modelcontextprotocol/clientCapabilities":{}}}})";
  return exchange;
}

}  // namespace catalyst::mcp
