#include "server/api/decisions.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "compiler/diagnostics/diagnostic.h"
#include "runtime/decision/explain.h"
#include "runtime/observe/metrics.h"
#include "runtime/value/json_text.h"
#include "server/api/problem.h"
#include "server/api/request_json.h"
#include "server/api/verdict_json.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;
using decision::CallResult;
using decision::Explain;
using decision::Pack;

constexpr std::string_view kPath = "/api/v1/decisions";
constexpr std::string_view kEvaluate = "/api/v1/evaluate";

// Bodies are put together as text: a result has the digits that the decision computed, not those of a double.

std::string pack_json(const Pack& pack) {
  return "{\"name\":" + value::json_string(pack.name()) +
         ",\"version\":" + value::json_string(pack.version()) + "}";
}

std::string place_text(const Pack& pack, const abi::SourcePlace& place) {
  const std::vector<abi::SourceText>& files = pack.unit().files;
  return place.file < files.size()
             ? files[place.file].path + ":" + std::to_string(place.line) + ":" + std::to_string(place.column)
             : std::string();
}

std::string unknown_decision(const Pack& pack, std::string_view name) {
  std::vector<std::string_view> names;
  for (const abi::DecisionInfo& each : pack.unit().decisions) {
    names.push_back(each.name);
  }
  const std::string_view near = diagnostics::did_you_mean(name, names);
  std::string detail = "the pack has no decision `" + std::string(name) + "`";
  detail +=
      near.empty() ? "; GET /api/v1/decisions lists them" : "; did you mean `" + std::string(near) + "`?";
  return problem_json(404, "unknown-decision", "Unknown decision", detail);
}

std::string invalid_arguments(const CallResult& result) {
  Json problems = Json::array();
  for (const decision::ArgumentProblem& each : result.problems) {
    problems.push_back({{"pointer", each.pointer}, {"detail", each.detail}});
  }
  return problem_json(422, "invalid-arguments", "Invalid arguments",
                      std::to_string(result.problems.size()) +
                          (result.problems.size() == 1 ? " argument does" : " arguments do") +
                          " not fit the parameters of the decision",
                      {{"errors", std::move(problems)}});
}

std::string failed(const Pack& pack, std::string_view name, const CallResult& result) {
  const std::string place = place_text(pack, result.place);
  const std::string error(value::status_name(result.status));
  return problem_json(
      422, "decision-failed", "Decision failed",
      "`" + std::string(name) + "` fails with " + error + (place.empty() ? "" : " at " + place),
      {{"error", error}, {"place", place}});
}

bool wants_explanation(std::string_view query) {
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    if (part == "explain" || part == "explain=true" || part == "explain=1") {
      return true;
    }
    query.remove_prefix(std::min(query.size(), part.size() + 1));
  }
  return false;
}

observe::CallOutcome outcome_of(const CallResult& result) {
  switch (result.outcome) {
    case CallResult::Outcome::Decided:
      return observe::CallOutcome::Decided;
    case CallResult::Outcome::Failed:
      return observe::CallOutcome::Failed;
    case CallResult::Outcome::Invalid:
      return observe::CallOutcome::Invalid;
  }
  return observe::CallOutcome::Failed;
}

/// The answer to one call: a problem document unless it was decided.
std::string call_json(const Pack& pack, std::string_view name, const CallResult& result, Explain explain) {
  if (result.outcome == CallResult::Outcome::Invalid) {
    return invalid_arguments(result);
  }
  std::string out = result.outcome == CallResult::Outcome::Failed
                        ? failed(pack, name, result)
                        : "{\"decision\":" + value::json_string(name) + ",\"result\":" + result.json +
                              ",\"pack\":" + pack_json(pack) + "}\n";
  if (explain == Explain::Yes) {
    out.erase(out.rfind('}'));
    out += ",\"explanation\":" + decision::explanation_json(pack, result) + "}\n";
  }
  return out;
}

}  // namespace

bool DecisionsApi::is_ours(std::string_view path) {
  return path == kEvaluate ||
         (path.starts_with(kPath) && (path.size() == kPath.size() || path[kPath.size()] == '/'));
}

Task<void> DecisionsApi::handle(mcp::HttpExchange& exchange) const {
  const Answer made = answer(exchange);
  const mcp::Header headers[] = {
      {"Content-Type", made.status == 200 ? std::string_view("application/json") : kProblemType},
      {"Cache-Control", "no-store"}};
  // A client that went away meanwhile is nobody's problem.
  [[maybe_unused]] const Result<void> sent = co_await exchange.respond(made.status, headers, made.body);
}

DecisionsApi::Answer DecisionsApi::answer(mcp::HttpExchange& exchange) const {
  const std::shared_ptr<const Pack> pack = engine_.current();
  const std::string_view path = exchange.path();
  const bool collection = path.size() == kPath.size();
  const std::string_view method = exchange.method();
  const Explain explain = wants_explanation(exchange.query()) ? Explain::Yes : Explain::No;
  if (path == kEvaluate) {
    return method == "POST" ? evaluate(*pack, exchange.body(), explain)
                            : Answer{405, problem_json(405, "method-not-allowed", "Method not allowed",
                                                       "POST decides a request, which is the body")};
  }
  if (collection && (method == "GET" || method == "HEAD")) {
    return list(*pack);
  }
  if (method != "POST") {
    return {405, problem_json(405, "method-not-allowed", "Method not allowed",
                              collection ? "GET lists decisions, POST calls several"
                                         : "POST calls a decision with its arguments as a JSON object")};
  }
  return collection ? batch(*pack, exchange.body(), explain)
                    : call(*pack, path.substr(kPath.size() + 1), exchange.body(), explain);
}

DecisionsApi::Answer DecisionsApi::list(const Pack& pack) const {
  std::string out = "{\"pack\":" + pack_json(pack) + ",\"decisions\":[";
  for (const abi::DecisionInfo& each : pack.unit().decisions) {
    out += out.back() == '[' ? "{" : ",{";
    out += "\"name\":" + value::json_string(each.name) + ",\"description\":" + value::json_string(each.doc) +
           ",\"parameters\":" + decision::arguments_schema(pack.unit(), each) +
           ",\"result\":" + decision::result_schema(pack.unit(), each) +
           ",\"place\":" + value::json_string(place_text(pack, each.place)) + "}";
  }
  return {200, out + "]}\n"};
}

DecisionsApi::Answer DecisionsApi::call(const Pack& pack, std::string_view name, std::string_view arguments,
                                        Explain explain) const {
  const std::optional<uint32_t> found = decision::find_decision(pack, name);
  if (!found) {
    return {404, unknown_decision(pack, name)};
  }
  const CallResult result = decision::Caller(options_.limits).call(pack, *found, arguments, explain);
  metrics_.decision_called(name, outcome_of(result));
  return {result.outcome == CallResult::Outcome::Decided ? 200 : 422, call_json(pack, name, result, explain)};
}

DecisionsApi::Answer DecisionsApi::batch(const Pack& pack, std::string_view body, Explain explain) const {
  const std::optional<std::vector<decision::BatchCall>> calls =
      decision::read_batch(body, options_.limits.json_depth, options_.batch_calls);
  if (!calls) {
    return {400, problem_json(400, "invalid-batch", "Invalid batch",
                              "a batch is {\"calls\": [{\"decision\": NAME, \"arguments\": {...}}, ...]}")};
  }
  if (calls->size() > options_.batch_calls) {
    return {413, problem_json(413, "batch-too-large", "Batch too large",
                              "more calls than `limits.decision_batch`, which is " +
                                  std::to_string(options_.batch_calls))};
  }
  std::string out = "{\"pack\":" + pack_json(pack) + ",\"results\":[";
  for (const decision::BatchCall& each : *calls) {
    out += out.back() == '[' ? "" : ",";
    out += call(pack, each.decision, each.arguments, explain).body;
  }
  return {200, out + "]}\n"};
}

DecisionsApi::Answer DecisionsApi::evaluate(const Pack& pack, std::string_view body, Explain explain) const {
  const auto invalid = [](const std::string& why) {
    return Answer{422, problem_json(422, "invalid-request", "Invalid request", why)};
  };
  const auto stored = StoredRequest::from_json(body);
  if (stored.has_error()) {
    return invalid(stored.error().message());
  }
  if (const std::string window = (*stored)->unknown_window(pack); !window.empty()) {
    return invalid("the pack has no window `" + window + "`; it is called as it is written there");
  }
  const decision::Request& request = (*stored)->request();
  if (explain == Explain::Yes) {
    return {200, decision::to_json(decision::explain(pack, request, options_.limits)) + "\n"};
  }
  return {200, verdict_json(decision::Evaluator(options_.limits).evaluate(pack, request), pack)};
}

}  // namespace catalyst::server
