#include "server/api/deployments.h"

#include <boost/system/errc.hpp>
#include <charconv>
#include <cmath>
#include <functional>
#include <optional>

#include "runtime/decision/in_force.h"
#include "server/api/manager_call.h"
#include "server/gateway/pack_manager.h"
#include "server/gateway/shadow_report.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;
using Answer = Result<DeploymentStatus>;

constexpr std::string_view kRoot = "/api/v1/deployments";

Json policy_json(const PackStatus& status) {
  Json out = {
      {"pack", status.name}, {"version", status.version}, {"tier", status.tier}, {"rules", status.rules}};
  if (!status.digest.empty()) {
    out["digest"] = status.digest;
    out["sequence"] = status.sequence;
    out["signed_by"] = status.signed_by;
  }
  return out;
}

double percent(uint32_t share) { return share * 100.0 / decision::InForce::kWhole; }

Json shadow_json(const ShadowReport& report) {
  const ShadowReport::Totals totals = report.totals();
  Json groups = Json::array();
  for (const ShadowGroup& group : report.groups()) {
    groups.push_back({{"hook", group.hook},
                      {"server", group.server},
                      {"tool", group.tool},
                      {"before", group.before},
                      {"after", group.after},
                      {"count", group.count},
                      {"last_principal", group.last_principal},
                      {"last_at_us", group.last_at_us}});
  }
  return {{"compared", totals.compared}, {"different", totals.different}, {"differences", std::move(groups)}};
}

Json status_json(const DeploymentStatus& status, const ShadowReport& report) {
  Json out = {{"stable", policy_json(status.stable)}, {"canary", nullptr}, {"shadow", nullptr}};
  out["stable"]["source"] = status.stable.deployed ? "deployed" : "files";
  if (status.canary) {
    out["canary"] = policy_json(*status.canary);
    out["canary"]["percent"] = percent(status.canary_share);
  }
  if (status.shadow) {
    out["shadow"] = policy_json(*status.shadow);
    out["shadow"].update(shadow_json(report));
  }
  out["releases"] = Json::array();
  for (const store::PackRow& row : status.versions) {
    out["releases"].push_back({{"id", row.id},
                               {"pack", row.name},
                               {"version", row.version},
                               {"sequence", row.sequence},
                               {"digest", row.digest},
                               {"added_at_ms", row.added_at_ms},
                               {"added_by", row.added_by}});
  }
  out["history"] = Json::array();
  for (const store::PlacementRow& row : status.history) {
    out["history"].push_back({{"at_ms", row.at_ms},
                              {"by", row.by},
                              {"what", row.what},
                              {"stable", row.placement.stable},
                              {"canary", row.placement.canary},
                              {"canary_percent", percent(row.placement.canary_share)},
                              {"shadow", row.placement.shadow}});
  }
  return out;
}

/// "12.5" of 100 in parts of InForce::kWhole; 0 when it is no percentage.
uint32_t share_of(std::string_view text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = problem == std::errc() && end == text.data() + text.size() && value > 0 && value <= 100;
  return good ? static_cast<uint32_t>(std::lround(value / 100 * decision::InForce::kWhole)) : 0;
}

/// The release that a rollback asks for: {"to": "1.4.0"}, or no body. nullopt: neither.
std::optional<std::string> wanted_release(const std::string& body) {
  if (body.empty()) {
    return "";
  }
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || json.size() > 1) {
    return std::nullopt;
  }
  const auto to = json.find("to");
  if (to == json.end()) {
    return json.empty() ? std::optional<std::string>("") : std::nullopt;
  }
  return to->is_string() ? std::optional(to->get<std::string>()) : std::nullopt;
}

/// What a request asks the manager to do; empty: no such path or method.
std::function<void(PackManager::Done)> action(PackManager& packs, mcp::HttpExchange& exchange) {
  const std::string_view rest = exchange.path().substr(kRoot.size());
  const std::string_view method = exchange.method();
  const bool post = method == "POST";
  const std::string by = who(exchange);
  const auto deploy = [&](Place place, uint32_t share) {
    Deployment deployment{place, share, std::move(exchange.body()), by};
    return [&packs, deployment = std::move(deployment)](PackManager::Done done) mutable {
      packs.deploy(std::move(deployment), std::move(done));
    };
  };
  if (rest.empty() && method == "GET") {
    return [&packs](PackManager::Done done) { packs.describe(std::move(done)); };
  }
  if (rest.empty() && post) {
    return deploy(Place::Stable, 0);
  }
  if (rest == "/shadow" && post) {
    return deploy(Place::Shadow, 0);
  }
  if (rest.starts_with("/canary/") && post) {
    return deploy(Place::Canary, share_of(rest.substr(8)));
  }
  if ((rest == "/canary" || rest == "/shadow") && method == "DELETE") {
    const Place place = rest == "/canary" ? Place::Canary : Place::Shadow;
    return [&packs, place, by](PackManager::Done done) { packs.withdraw(place, by, std::move(done)); };
  }
  if (rest == "/rollback" && post) {
    const std::optional<std::string> release = wanted_release(exchange.body());
    if (!release) {
      return [](const PackManager::Done& done) {
        done(error(make_error_code(boost::system::errc::invalid_argument),
                   R"(a rollback takes {"to": "VERSION, beginning of a digest, or files"}, or nothing)"));
      };
    }
    return [&packs, to = *release, by](PackManager::Done done) { packs.rollback(to, by, std::move(done)); };
  }
  return {};
}

}  // namespace

bool DeploymentsApi::is_ours(std::string_view path) {
  return path.starts_with(kRoot) && (path.size() == kRoot.size() || path[kRoot.size()] == '/');
}

Task<void> DeploymentsApi::handle(mcp::HttpExchange& exchange) const {
  const auto what = action(packs_, exchange);
  if (!what) {
    co_await send_no_such_path(exchange);
    co_return;
  }
  const std::optional<Answer> answer = co_await wait_for<Answer>(what);
  co_await send_answer(exchange, answer,
                       [&](const DeploymentStatus& status) { return status_json(status, shadow_); });
}

}  // namespace catalyst::server
