#include "server/api/api.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

#include "runtime/base/check.h"
#include "runtime/mcp/endpoint.h"
#include "runtime/observe/metrics.h"
#include "server/api/deployments.h"
#include "server/api/problem.h"
#include "server/api/routes.h"
#include "server/api/rules.h"
#include "server/auth/authenticator.h"
#include "server/auth/resource.h"
#include "server/gateway/pack_manager.h"
#include "server/gateway/tool_lock.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kReloadWait = std::chrono::seconds(60);

struct Reply {
  int status = 200;
  std::string_view type = "application/json";
  std::string body;
};

std::string dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

Reply json_reply(int status, const Json& json) { return {status, "application/json", dump(json)}; }

/// A problem document; kind and title follow from the status.
Reply problem(int status, std::string_view detail) {
  struct Kind {
    int status;
    std::string_view type;
    std::string_view title;
  };
  static constexpr Kind kKinds[] = {{400, "bad-request", "The request cannot be read"},
                                    {403, "forbidden", "Forbidden"},
                                    {404, "not-there", "There is no such thing"},
                                    {405, "method-not-allowed", "Method not allowed"},
                                    {409, "not-pinned", "Tools are not pinned"},
                                    {500, "failed", "It did not work"},
                                    {504, "busy", "It takes longer"}};
  const Kind* const kind =
      std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) { return k.status == status; });
  CHECK(kind != std::end(kKinds), "every status that is answered has its kind");
  return {status, kProblemType, problem_json(status, kind->type, kind->title, detail)};
}

Task<void> answer(mcp::HttpExchange& exchange, Reply reply) {
  const mcp::Header headers[] = {{"Content-Type", reply.type}, {"Cache-Control", "no-store"}};
  // A client that went away meanwhile is nobody's problem.
  [[maybe_unused]] const Result<void> sent = co_await exchange.respond(reply.status, headers, reply.body);
}

Json pack_json(const PackStatus& status) {
  Json out = {{"pack", status.name},
              {"version", status.version},
              {"generation", status.generation},
              {"tier", status.tier},
              {"rules", status.rules},
              {"compile_ms", status.compile_seconds * 1000},
              {"loaded_at_ms", status.loaded_at_ms},
              {"files", status.files},
              {"last_error", nullptr}};
  if (!status.last_error.empty()) {
    out["last_error"] = {{"at_ms", status.last_error_at_ms}, {"text", status.last_error}};
  }
  return out;
}

Json upstreams_json(const mcp::Endpoint& endpoint) {
  Json out = Json::array();
  for (const mcp::ServerStatus& server : endpoint.servers()) {
    Json one = {{"name", server.name},          {"state", mcp::text_of(server.state)},
                {"listed", server.listed},      {"protocol_version", server.protocol_version},
                {"tools", server.tools},        {"prompts", server.prompts},
                {"resources", server.resources}};
    if (!server.error.empty()) {
      one["error"] = server.error;
    }
    out.push_back(std::move(one));
  }
  return out;
}

Json held_json(const ToolLock* lock) {
  Json held = Json::array();
  for (const HeldTool& tool : lock == nullptr ? std::vector<HeldTool>() : lock->held()) {
    Json changes = Json::array();
    for (const DefinitionChange& change : tool.changes) {
      Json one = {{"change", change_name(change.kind)}};
      if (!change.subject.empty()) {
        one["subject"] = change.subject;
      }
      one["before"] = change.before;
      one["after"] = change.after;
      changes.push_back(std::move(one));
    }
    held.push_back({{"server", tool.server}, {"tool", tool.tool}, {"changes", std::move(changes)}});
  }
  return {{"pinned", lock != nullptr}, {"held", std::move(held)}};
}

/// The host name of a Host header, without the port.
std::string_view host_of(std::string_view header) {
  if (!header.empty() && header.front() == '[') {
    return header.substr(1, header.find(']') - 1);
  }
  return header.substr(0, header.find(':'));
}

bool is_loopback_peer(std::string_view peer) {
  return peer.substr(0, 4) == "127." || peer == "::1" || peer.substr(0, 11) == "::ffff:127.";
}

/// The outcome of a reload on its way from the compiling thread to the handler's executor.
struct PendingReload {
  explicit PendingReload(const Executor& executor) : timer(executor) {}
  SteadyTimer timer;
  bool done = false;
  ReloadOutcome outcome;
};

}  // namespace

bool Api::may(const mcp::HttpExchange& exchange) const {
  // A page in a browser must not reach these paths, neither directly (Origin) nor through a name of its own
  // that resolves to us (Host).
  if (exchange.header("Origin")) {
    return false;
  }
  const std::string_view host = host_of(exchange.header("Host").value_or(""));
  const auto& allowed = parts_.allowed_hosts;
  const bool known = is_loopback_host(host) ||
                     std::find(allowed.begin(), allowed.end(), host) != allowed.end() ||
                     std::find(allowed.begin(), allowed.end(), "*") != allowed.end();
  const bool reads = exchange.method() == "GET" || exchange.method() == "HEAD";
  const TokenAuthenticator& authenticator = *parts_.authenticator;
  if (!known || !(reads ? authenticator.is_viewer(exchange.principal())
                        : authenticator.is_admin(exchange.principal()))) {
    return false;
  }
  return authenticator.configured() || is_loopback_peer(exchange.peer());
}

Task<void> Api::handle(mcp::HttpExchange& exchange) const {
  const std::string_view path = exchange.path();
  const bool get = exchange.method() == "GET" || exchange.method() == "HEAD";
  if (const std::optional<std::string> metadata = parts_.resources->metadata(path)) {
    co_await answer(exchange, get ? Reply{200, "application/json", *metadata} : problem(405, "use GET"));
    co_return;
  }
  const bool is_reload = path == "/api/v1/reload";
  const bool is_approve = path == "/api/v1/catalogue/approve";
  const bool posts = is_reload || is_approve;
  const bool known = path == "/healthz" || path == "/readyz" || path == "/metrics" ||
                     path == "/api/v1/pack" || path == "/api/v1/upstreams" || path == "/api/v1/catalogue" ||
                     posts;
  if (DeploymentsApi::is_ours(path) || RulesApi::is_ours(path) || RoutesApi::is_ours(path)) {
    if (!may(exchange)) {
      co_await answer(exchange, problem(403, "this needs the admin role, and no browser"));
    } else if (RoutesApi::is_ours(path)) {
      co_await RoutesApi(*parts_.endpoint).handle(exchange);
    } else if (RulesApi::is_ours(path)) {
      co_await RulesApi(*parts_.packs).handle(exchange);
    } else {
      co_await DeploymentsApi(*parts_.packs, *parts_.shadow).handle(exchange);
    }
  } else if (DecisionsApi::is_ours(path) && may(exchange)) {
    co_await DecisionsApi(parts_.packs->engine(), *parts_.metrics, parts_.decisions).handle(exchange);
  } else if (DecisionsApi::is_ours(path)) {
    co_await answer(exchange, problem(403, "decisions are for the admin role, and not for browsers"));
  } else if (!known) {
    co_await answer(exchange, problem(404, "no such path; MCP is served at /mcp"));
  } else if (posts ? exchange.method() != "POST" : !get) {
    co_await answer(exchange, problem(405, posts ? "use POST" : "use GET"));
  } else if (path == "/healthz") {
    co_await answer(exchange, json_reply(200, {{"status", "ok"}, {"version", parts_.version}}));
  } else if (path == "/readyz") {
    const bool draining = parts_.draining();
    const PackStatus pack = parts_.packs->status();
    co_await answer(exchange,
                    json_reply(draining ? 503 : 200, {{"status", draining ? "draining" : "ready"},
                                                      {"pack", pack.name},
                                                      {"version", pack.version},
                                                      {"generation", pack.generation},
                                                      {"policy_error", !pack.last_error.empty()},
                                                      {"upstreams", upstreams_json(*parts_.endpoint)}}));
  } else if (path == "/metrics") {
    co_await answer(exchange, {200, "text/plain; version=0.0.4; charset=utf-8", parts_.metrics->text()});
  } else if (!may(exchange)) {
    co_await answer(exchange,
                    problem(403, "this needs the admin role, or to read the viewer role, and no browser"));
  } else if (path == "/api/v1/pack") {
    co_await answer(exchange, json_reply(200, pack_json(parts_.packs->status())));
  } else if (path == "/api/v1/upstreams") {
    co_await answer(exchange, json_reply(200, upstreams_json(*parts_.endpoint)));
  } else if (path == "/api/v1/catalogue") {
    co_await answer(exchange, json_reply(200, held_json(parts_.lock)));
  } else if (is_approve) {
    co_await approve(exchange);
  } else {
    co_await reload(exchange);
  }
}

Task<void> Api::approve(mcp::HttpExchange& exchange) const {
  if (parts_.lock == nullptr) {
    co_return co_await answer(exchange, problem(409, "tools are not pinned; set catalogue.lock"));
  }
  const Json wanted = exchange.body().empty() ? Json::object() : Json::parse(exchange.body(), nullptr, false);
  bool good = wanted.is_object();
  for (const auto& [key, value] : wanted.items()) {
    good = good && (key == "server" || key == "tool") && value.is_string();
  }
  if (!good || (wanted.contains("tool") && !wanted.contains("server"))) {
    co_return co_await answer(
        exchange,
        problem(400, R"(expected {"server": NAME, "tool": NAME}; without "tool" all of a server, {} all)"));
  }
  const Result<size_t> approved = parts_.lock->approve(wanted.value("server", ""), wanted.value("tool", ""));
  if (approved.has_error()) {
    co_return co_await answer(exchange, problem(500, approved.error().message()));
  }
  if (*approved == 0 && wanted.contains("tool")) {
    co_return co_await answer(exchange, problem(404, "no such tool waits; see /api/v1/catalogue"));
  }
  parts_.endpoint->inspect_again();
  co_await answer(exchange, json_reply(200, {{"approved", *approved}}));
}

Task<void> Api::reload(mcp::HttpExchange& exchange) const {
  const Executor executor = co_await asio::this_coro::executor;
  auto pending = std::make_shared<PendingReload>(executor);
  pending->timer.expires_after(kReloadWait);
  parts_.packs->reload(PackManager::Trigger::Explicit, [pending, executor](const ReloadOutcome& outcome) {
    asio::post(executor, [pending, outcome] {
      pending->outcome = outcome;
      pending->done = true;
      pending->timer.cancel();
    });
  });
  if (!pending->done) {
    boost::system::error_code ignored;  // cancelled means done
    co_await pending->timer.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
  if (!pending->done) {
    co_await answer(exchange, problem(504, "still compiling; see /api/v1/pack"));
    co_return;
  }
  Json body = pack_json(parts_.packs->status());
  body["ok"] = pending->outcome.ok;
  body["diagnostics"] = Json::parse(pending->outcome.diagnostics_json, nullptr, false);
  if (!pending->outcome.ok && body["diagnostics"].empty()) {
    body["reason"] = pending->outcome.text;
  }
  co_await answer(exchange, json_reply(pending->outcome.ok ? 200 : 422, body));
}

}  // namespace catalyst::server
