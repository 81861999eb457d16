// The router's part in routing: what the choice of a target depends on, and what a target is owed.

#include <algorithm>

#include "runtime/base/clock.h"
#include "runtime/mcp/router.h"

namespace catalyst::mcp {

void Router::plan_route(RequestContext& context, uint32_t server, const Item* tool,
                        std::string_view arguments) {
  auto ask = std::make_shared<RouteAsk>();
  const std::string_view method = context.envelope.method;
  ask->read_only = tool != nullptr ? tool->read_only
                                   : method == "resources/read" || method == "prompts/get" ||
                                         method == "completion/complete";
  ask->idempotent = tool != nullptr && tool->idempotent;
  ask->principal = context.exchange.principal().id;
  ask->tool = tool != nullptr ? tool->key : std::string(method);
  ask->arguments = arguments;
  ask->trace.route = upstreams_[server]->name();
  context.route = std::move(ask);
  context.runner = routed_[server] == nullptr ? nullptr : routed_[server]->runner();
}

std::vector<uint32_t> Router::unfit_for(const RequestContext& context, const Catalogue::Found& found,
                                        const Lanes& lanes) {
  std::vector<uint32_t> out;
  for (const Lane& lane : lanes) {
    if (lane.server == Lane::kReplica || lane.server == found.server) {
      continue;
    }
    const Listing* listing = context.catalogue->servers()[lane.server].listing.get();
    const Item* item = listing == nullptr ? nullptr : listing->find(ListKind::Tools, found.item->key);
    if (item == nullptr || item->json != found.item->json || listing->info->era != found.listing->info->era) {
      out.push_back(lane.server);
    }
  }
  return out;
}

void Router::plan_declared(RequestContext& context, const Catalogue::Found& found,
                           std::string_view arguments) {
  Subject call = subject_of(abi::Hook::Call, found);
  call.args = arguments;
  const decision::RouteChoice* choice = ask_route(context, call);
  if (choice == nullptr) {
    return;
  }
  if (context.route == nullptr) {
    plan_route(context, found.server, found.item, arguments);
  }
  const abi::Route& route = *choice->route;
  const RouteBook::Entry entry = book_.find(context.pack, route, found.server);
  context.way = entry.way;
  context.runner = entry.way->runner();
  RouteAsk& ask = *context.route;
  ask.trace.route = route.name;
  if (choice->preferred != decision::RouteChoice::kNone) {
    ask.preferred = route.targets[choice->preferred].server;
  }
  if (choice->hash) {
    ask.hash = std::string(*choice->hash);
  }
  ask.cache_key = choice->cache_key.empty() ? std::string() : entry.meaning + std::string(choice->cache_key);
  for (const decision::RouteError& problem : choice->errors) {
    ask.trace.problems.emplace_back(value::status_name(problem.status));
  }
  ask.unfit = unfit_for(context, found, *context.runner->lanes());
}

std::optional<Router::Sent> Router::challenged(RequestContext& context, const std::string& server,
                                               std::string_view tool) const {
  if (!options_.scope_challenge) {
    return std::nullopt;
  }
  std::optional<std::string> challenge = options_.scope_challenge(context.exchange, server, tool);
  if (!challenge) {
    return std::nullopt;
  }
  Sent refused{failure(context, code::kDenied, "The token lacks a scope that is needed."), std::nullopt};
  refused.reply.http_status = 403;
  refused.reply.challenge = std::move(*challenge);
  return refused;
}

/// The client's sessions by server; stays good when the request is over and a parked call goes on.
std::function<std::shared_ptr<UpstreamSession>(uint32_t)> Router::sessions_of(RequestContext& context) {
  if (context.session != nullptr) {
    return [self = shared_from_this(), session = context.session](uint32_t server) {
      return session->upstreams().get(
          server, [&] { return self->upstreams_[server]->open(self->terms_of(session, server)); });
    };
  }
  if (context.principal_sessions == nullptr) {
    context.principal_sessions = principals_.get(context.exchange.principal().id, steady_ms());
  }
  return [self = shared_from_this(), sessions = context.principal_sessions,
          id = std::string(context.exchange.principal().id)](uint32_t server) {
    return sessions->get(server, [&] { return self->upstreams_[server]->open(self->terms_of(id, server)); });
  };
}

Task<std::optional<Router::Sent>> Router::prepare_route(RequestContext& context, uint32_t server) {
  const std::shared_ptr<const Lanes> lanes = context.runner->lanes();
  std::vector<uint32_t> servers;
  for (const Lane& lane : *lanes) {
    servers.push_back(lane.server);
  }
  if (context.runner->rule().shadow) {
    servers.push_back(context.runner->rule().shadow->server);
  }
  std::sort(servers.begin(), servers.end());
  servers.erase(std::unique(servers.begin(), servers.end()), servers.end());
  std::erase(servers, Lane::kReplica);
  if (servers.empty()) {
    co_return std::nullopt;
  }
  context.route->session_with = sessions_of(context);
  std::erase(servers, server);  // was asked about already, as every server that is called
  for (const uint32_t other : servers) {
    const std::string& name = upstreams_[other]->name();
    if (std::optional<Sent> refused = challenged(context, name, context.route->tool)) {
      co_return refused;
    }
    if (!options_.authorize) {
      continue;
    }
    Result<std::string> line = co_await options_.authorize(context.exchange, name);
    if (line.has_error()) {
      co_return Sent{unavailable(context, server, line.error().message()), std::nullopt};
    }
    context.route->headers.emplace_back(other, std::move(*line));
  }
  co_return std::nullopt;
}

std::vector<RouteStatus> Router::routes() const {
  std::vector<RouteStatus> out;
  for (const std::shared_ptr<RoutedUpstream>& routed : routed_) {
    if (routed != nullptr) {
      out.push_back(routed->status());
    }
  }
  for (RouteStatus& declared : book_.status()) {
    out.push_back(std::move(declared));
  }
  return out;
}

}  // namespace catalyst::mcp
