#include "runtime/decision/explain_route.h"

#include "runtime/decision/apply.h"
#include "runtime/decision/trace_collector.h"
#include "runtime/value/json_text.h"

namespace catalyst::decision {

namespace {

ExplainedRoute::Prefer explain_prefer(Evaluation& evaluation, const abi::Unit& unit, const abi::Route& route,
                                      const abi::RoutePrefer& prefer) {
  ExplainedRoute::Prefer out;
  out.server = route.targets[prefer.target].server;
  TraceCollector collector(unit);
  abi::Frame& frame = evaluation.frame();
  frame.trace = &collector;
  evaluation.forget_facts();
  evaluation.refuel();
  const abi::Truth truth = unit.interpreter.condition(unit.interpreter.self, &frame, prefer.condition);
  frame.trace = nullptr;
  if (truth >= abi::kTruthError) {
    out.state = ExplainedRule::State::Failed;
    out.status = static_cast<value::Status>(truth - abi::kTruthError);
  } else if (truth == abi::kTrue) {
    out.state = ExplainedRule::State::Matched;
  }
  out.conditions = std::move(collector.conditions);
  return out;
}

std::string cache_note(const abi::CachePolicy& cache, bool cached) {
  if (!cached) {
    return "does not cache: the key of this call cannot be computed";
  }
  const std::string ttl = "caches " + std::to_string(cache.ttl_ms) + "ms ";
  switch (cache.scope) {
    case abi::CacheScope::Principal:
      return ttl + "for each caller";
    case abi::CacheScope::Tenant:
      return ttl + "for each tenant";
    case abi::CacheScope::Shared:
      return ttl + "for everybody";
  }
  return ttl;
}

}  // namespace

std::optional<ExplainedRoute> explain_route(Evaluation& evaluation, const Pack& pack, const Request& request,
                                            const Verdict& verdict) {
  if (request.hook != abi::Hook::Call || verdict.outcome == Outcome::Deny) {
    return std::nullopt;
  }
  ExplainedRoute out;
  out.by = pack.rule_name(verdict.route_rule);
  const std::string args = apply_sets(request.args, verdict.sets);
  Request sent = request;
  sent.args = args;
  const RouteChoice* choice = evaluation.route(pack, sent, verdict.route, Evaluation::Mode::Reference);
  if (choice == nullptr) {
    return std::nullopt;
  }
  const abi::Route& route = *choice->route;
  out.name = route.name;
  out.place = route.place;
  out.by = choice->by_rule ? out.by : "";
  for (const abi::RouteTarget& target : route.targets) {
    out.servers.push_back(target.server);
  }
  out.preferred = choice->preferred == RouteChoice::kNone ? "" : route.targets[choice->preferred].server;
  if (choice->hash) {
    out.notes.push_back("balances by the hash of " + value::json_string(*choice->hash));
  }
  if (route.cache) {
    out.notes.push_back(cache_note(*route.cache, !choice->cache_key.empty()));
  }
  const size_t asked = choice->prefer == RouteChoice::kNone ? route.prefers.size() : choice->prefer + 1;
  for (size_t i = 0; i < asked; ++i) {
    out.prefers.push_back(explain_prefer(evaluation, pack.unit(), route, route.prefers[i]));
  }
  return out;
}

}  // namespace catalyst::decision
