#include "server/api/routes.h"

#include <boost/system/errc.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "runtime/mcp/endpoint.h"
#include "runtime/mcp/routed_upstream.h"
#include "server/api/manager_call.h"
#include "server/api/problem.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;
namespace errc = boost::system::errc;

constexpr std::string_view kRoot = "/api/v1/routes";
constexpr int64_t kWeightMax = 1'000;

Json target_json(const mcp::LaneStatus& lane) {
  const routing::MemberStatus& member = lane.member;
  Json outcomes = Json::object();
  for (size_t i = 0; i < routing::kOutcomeCount; ++i) {
    outcomes[std::string(routing::text_of(static_cast<routing::Outcome>(i)))] = member.outcomes[i];
  }
  Json out = {{"name", member.name},
              {"place", lane.place},
              {"origin", lane.origin},
              {"weight", member.weight},
              {"state", routing::text_of(member.target.standing)},
              {"breaker", routing::text_of(member.breaker)},
              {"in_flight", member.target.in_flight},
              {"waiting", member.target.waiting},
              {"failures_in_a_row", member.target.failures_in_a_row},
              {"times_ejected", member.target.times_ejected},
              {"ejected_for_ms", member.target.ejected_for_ms},
              {"draining", member.target.draining},
              {"attempts", std::move(outcomes)}};
  if (!lane.error.empty()) {
    out["error"] = lane.error;
  }
  return out;
}

Json route_json(const mcp::RouteStatus& route) {
  Json targets = Json::array();
  for (const mcp::LaneStatus& lane : route.lanes) {
    targets.push_back(target_json(lane));
  }
  return {
      {"name", route.name},
      {"server", route.server},
      {"from", route.declared ? "policy" : "configuration"},
      {"balance", mcp::text_of(route.balance)},
      {"calls", route.calls},
      {"retries", {{"sent", route.retries}, {"denied", route.retries_denied}}},
      {"hedges", {{"sent", route.hedges}, {"won", route.hedges_won}}},
      {"cache", {{"hits", route.cache_hits}, {"misses", route.cache_misses}, {"joined", route.coalesced}}},
      {"shadow",
       {{"same", route.shadows_same},
        {"different", route.shadows_different},
        {"failed", route.shadows_failed}}},
      {"targets", std::move(targets)}};
}

/// The replica that a body describes; nullopt when it is no such thing.
std::optional<mcp::ReplicaSpec> replica_of(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) {
    return std::nullopt;
  }
  mcp::ReplicaSpec out;
  for (const auto& [key, value] : json.items()) {
    if ((key == "name" || key == "url") && value.is_string()) {
      (key == "name" ? out.name : out.url) = value.get<std::string>();
    } else if (key == "weight" && value.is_number_integer() && value.get<int64_t>() >= 0 &&
               value.get<int64_t>() <= kWeightMax) {
      out.weight = value.get<uint32_t>();
    } else {
      return std::nullopt;
    }
  }
  const bool http = out.url.starts_with("http://") || out.url.starts_with("https://");
  return http ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<uint32_t> weight_of(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  const bool good = json.is_object() && json.size() == 1 && json.contains("weight") &&
                    json["weight"].is_number_integer() && json["weight"].get<int64_t>() >= 0 &&
                    json["weight"].get<int64_t>() <= kWeightMax;
  return good ? std::optional(json["weight"].get<uint32_t>()) : std::nullopt;
}

Task<void> send_problem(mcp::HttpExchange& exchange, int status, std::string_view type,
                        std::string_view title, std::string_view detail) {
  const mcp::Header headers[] = {{"Content-Type", kProblemType}, {"Cache-Control", "no-store"}};
  // A client that went away meanwhile is nobody's problem.
  [[maybe_unused]] const Result<void> sent =
      co_await exchange.respond(status, headers, problem_json(status, type, title, detail));
}

Task<void> send_result(mcp::HttpExchange& exchange, const mcp::RoutedUpstream& routed,
                       const Result<void>& done, int status) {
  if (done.has_value()) {
    co_return co_await send_json(exchange, status, route_json(routed.status()));
  }
  const Error& why = done.error();
  if (why.code == errc::no_such_file_or_directory) {
    co_return co_await send_problem(exchange, 404, "not-there", "There is no such replica", why.context);
  }
  if (why.code == errc::file_exists) {
    co_return co_await send_problem(exchange, 409, "exists", "There is such a replica", why.context);
  }
  co_await send_problem(exchange, 422, "bad-replica", "The replica cannot be added", why.context);
}

Task<void> add_replica(mcp::HttpExchange& exchange, mcp::RoutedUpstream& routed) {
  std::optional<mcp::ReplicaSpec> spec = replica_of(exchange.body());
  if (!spec) {
    co_return co_await send_problem(exchange, 400, "bad-request", "The request cannot be read",
                                    R"(expected {"url": "http://...", "name": NAME, "weight": 0 to 1000})");
  }
  if (spec->name.empty()) {
    spec->name = spec->url.substr(spec->url.find("//") + 2);
    spec->name.resize(std::min(spec->name.size(), spec->name.find('/')));
  }
  co_await send_result(exchange, routed, routed.add(*spec, "api"), 201);
}

Task<void> change_replica(mcp::HttpExchange& exchange, mcp::RoutedUpstream& routed, std::string_view name,
                          std::string_view verb) {
  const std::string_view method = exchange.method();
  if (verb.empty() && method == "DELETE") {
    co_await send_result(exchange, routed, routed.remove(name), 200);
  } else if (method == "POST" && (verb == "drain" || verb == "undrain")) {
    co_await send_result(exchange, routed, routed.drain(name, verb == "drain"), 200);
  } else if (method == "POST" && verb == "weight") {
    const std::optional<uint32_t> weight = weight_of(exchange.body());
    if (!weight) {
      co_return co_await send_problem(exchange, 400, "bad-request", "The request cannot be read",
                                      R"(expected {"weight": 0 to 1000})");
    }
    co_await send_result(exchange, routed, routed.set_weight(name, *weight), 200);
  } else {
    co_await send_no_such_path(exchange);
  }
}

/// The part of `rest` before the next slash; `rest` keeps what follows.
std::string_view take_segment(std::string_view& rest) {
  const size_t slash = rest.find('/');
  const std::string_view out = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  return out;
}

}  // namespace

bool RoutesApi::is_ours(std::string_view path) {
  return path.starts_with(kRoot) && (path.size() == kRoot.size() || path[kRoot.size()] == '/');
}

Task<void> RoutesApi::handle(mcp::HttpExchange& exchange) const {
  std::string_view rest = exchange.path().substr(kRoot.size());
  const bool get = exchange.method() == "GET";
  if (rest.empty() && get) {
    Json routes = Json::array();
    for (const mcp::RouteStatus& route : endpoint_.routes()) {
      routes.push_back(route_json(route));
    }
    co_return co_await send_json(exchange, 200, {{"routes", std::move(routes)}});
  }
  rest.remove_prefix(rest.empty() ? 0 : 1);
  const std::string_view server = take_segment(rest);
  const std::shared_ptr<mcp::RoutedUpstream> routed = endpoint_.routed(server);
  if (routed == nullptr) {
    co_return co_await send_problem(exchange, 404, "not-there", "There is no such server",
                                    "`" + std::string(server) + "` is no server with replicas");
  }
  if (rest.empty() && get) {
    co_return co_await send_json(exchange, 200, route_json(routed->status()));
  }
  const std::string_view part = take_segment(rest);
  if (part == "replicas" && rest.empty() && exchange.method() == "POST") {
    co_return co_await add_replica(exchange, *routed);
  }
  const std::string_view name = take_segment(rest);
  if (part == "replicas" && !name.empty()) {
    co_return co_await change_replica(exchange, *routed, name, rest);
  }
  co_await send_no_such_path(exchange);
}

}  // namespace catalyst::server
