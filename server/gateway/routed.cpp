#include "server/gateway/routed.h"

#include "runtime/mcp/http_client.h"
#include "runtime/observe/log.h"
#include "server/gateway/upstreams.h"

namespace catalyst::server {
namespace {

using Servers = std::vector<std::shared_ptr<mcp::Upstream>>;

uint32_t index_of(const Servers& servers, const std::string& name) {
  for (uint32_t i = 0; i < servers.size(); ++i) {
    if (servers[i] != nullptr && servers[i]->name() == name) {
      return i;
    }
  }
  return mcp::Lane::kReplica;  // cannot be: the configuration was checked
}

mcp::RouteRule rule_of(const RoutingConfig& config, const Servers& servers) {
  mcp::RouteRule rule;
  rule.route = config.route;
  rule.budget.percent = config.budget_percent;
  rule.eject_max_percent = config.eject_max_percent;
  rule.hash_by = config.hash_arguments ? mcp::HashBy::Arguments : mcp::HashBy::Principal;
  if (config.route.shadow) {
    mcp::Lane lane;
    lane.server = index_of(servers, config.route.shadow->server);
    lane.upstream = servers[lane.server];
    rule.shadow = std::move(lane);
  }
  return rule;
}

/// The replicas that the file names, or the one that the server is.
Result<void> add_replicas(mcp::RoutedUpstream& routed, const UpstreamConfig& config, const Servers& servers) {
  const RoutingConfig& routing = config.routing;
  for (const ReplicaConfig& replica : routing.replicas) {
    if (!replica.server.empty()) {
      const uint32_t index = index_of(servers, replica.server);
      routed.add_server(servers[index], index, replica.weight);
    } else if (Result<void> added = routed.add({replica.name, replica.url, "", replica.weight}, "file");
               added.has_error()) {
      return added.error();
    }
  }
  if (routing.replicas.empty() && routing.resolve_ms == 0) {
    return routed.add({config.name, config.url, "", 1}, "file");
  }
  return {};
}

/// The server with several replicas, or with a route of its own. `servers` are all of the configuration, with
/// nullptr for those that are not made yet; those that `config` names are.
Result<std::shared_ptr<mcp::Upstream>> make_routed(const UpstreamConfig& config, size_t replicas_max,
                                                   Executor home,
                                                   const std::shared_ptr<UpstreamCredentials>& credentials,
                                                   const Servers& servers, mcp::Caches caches) {
  const RoutingConfig& routing = config.routing;
  mcp::RoutedUpstreamOptions options;
  options.name = config.name;
  options.rule = rule_of(routing, servers);
  options.bulkhead = {routing.max_in_flight, routing.queue};
  options.outliers = {routing.outlier_failures, routing.eject_ms, routing.eject_ms * 10,
                      routing.eject_max_percent};
  options.checks = {routing.failing_after, routing.passing_after};
  options.check_interval_ms = routing.check_interval_ms;
  options.check_timeout_ms = routing.check_timeout_ms;
  options.shared = config.shared;
  options.replicas_max = replicas_max;
  if (routing.resolve_ms > 0) {
    const Result<mcp::HttpUrl> url = mcp::parse_http_url(config.url);
    if (url.has_error()) {
      return add_context(url.error(), "server " + config.name);
    }
    options.resolve_host = url->host;
    options.resolve_port = url->port;
    options.resolve_url = config.url;
    options.resolve_ms = routing.resolve_ms;
  }
  options.make = [config, home, credentials](const mcp::ReplicaSpec& spec) {
    UpstreamConfig one = config;
    one.name = spec.name;
    one.url = spec.url;
    one.address = spec.address;
    return make_upstream(one, home, credentials);
  };
  options.log = [server = config.name](std::string_view line) {
    observe::log(observe::Level::Warn, "routing", {{"server", server}, {"text", line}});
  };
  auto routed = std::make_shared<mcp::RoutedUpstream>(std::move(home), std::move(options), caches);
  if (Result<void> added = add_replicas(*routed, config, servers); added.has_error()) {
    return added.error();
  }
  return std::shared_ptr<mcp::Upstream>(std::move(routed));
}

}  // namespace

Result<Servers> make_servers(const Config& config, const CredentialsByServer& credentials, mcp::Caches caches,
                             const std::function<Executor(size_t number)>& home_of) {
  Servers out(config.servers.size());
  // Those with routing last: they may have others as replicas.
  for (const bool routed : {false, true}) {
    for (size_t i = 0; i < config.servers.size(); ++i) {
      const UpstreamConfig& server = config.servers[i];
      if (server.routing.used != routed) {
        continue;
      }
      const auto found = credentials.find(server.name);
      const auto tokens = found == credentials.end() ? nullptr : found->second;
      auto made = routed ? make_routed(server, config.limits.replicas, home_of(i), tokens, out, caches)
                         : make_upstream(server, home_of(i), tokens);
      if (made.has_error()) {
        return made.error();
      }
      out[i] = std::move(*made);
    }
  }
  return out;
}

}  // namespace catalyst::server
