// The rules' part of the router: which pack is in force, and what it says about a tool, a call and its
// result.

#include "runtime/decision/apply.h"
#include "runtime/decision/in_force.h"
#include "runtime/mcp/clock.h"
#include "runtime/mcp/router.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

using decision::AuditLevel;
using decision::Outcome;
using decision::Verdict;

/// A thread's scratch: the evaluator, and the packs so that taking a snapshot touches no shared line but
/// reference counts.
struct DecisionThread {
  uint64_t router = 0;  // id of the router the packs were taken for
  uint64_t generation = 0;
  std::shared_ptr<const decision::InForce> in_force;
  std::unique_ptr<decision::Evaluator> evaluator;

  static DecisionThread& here() {
    static thread_local DecisionThread thread;
    return thread;
  }
};

void observe(RequestContext& context, const decision::Request& request, const Verdict& verdict) {
  for (const decision::RuleError& e : verdict.errors) {
    context.errors.push_back({request.hook, e.rule, e.status, e.expr});
  }
  for (const decision::TagEffect& tag : verdict.tags) {
    context.tags.push_back({std::string(tag.key), std::string(tag.value)});
  }
  RequestRecord& record = context.record;
  record.audit = std::max(record.audit, verdict.audit);
  if (verdict.outcome == Outcome::Deny || verdict.hidden || record.ruling == Ruling::None) {
    record.ruling = verdict.hidden                     ? Ruling::Hidden
                    : verdict.outcome == Outcome::Deny ? Ruling::Deny
                                                       : Ruling::Allow;
    record.hook = request.hook;
    record.rule = verdict.rule;
    context.rule_name = verdict.rule_name;
  } else if (record.rule == Verdict::kNoRule && verdict.rule != Verdict::kNoRule &&
             record.ruling == Ruling::Allow) {
    // An allow that a rule decided says more than one by default.
    record.hook = request.hook;
    record.rule = verdict.rule;
    context.rule_name = verdict.rule_name;
  }
}

}  // namespace

void Router::take_pack(RequestContext& context) const {
  DecisionThread& thread = DecisionThread::here();
  // The generation is read first: a swap in between makes the next request refresh once more, never keeps an
  // old pack.
  const uint64_t generation = engine_.generation();
  if (thread.router != id_ || thread.generation != generation || thread.in_force == nullptr) {
    thread.router = id_;
    thread.generation = generation;
    thread.in_force = engine_.in_force();
  }
  context.in_force = thread.in_force;
  context.pack = context.in_force->pack_for(context.exchange.principal().id);
}

bool Router::ignores(const RequestContext& context, abi::Hook hook) const {
  const auto& shadow = context.in_force->shadow;
  return context.pack->ignores(hook) && (shadow == nullptr || shadow->ignores(hook)) &&
         (options_.tap == nullptr || !options_.tap->wants_all());
}

const Verdict& Router::decide(RequestContext& context, decision::Request& request) {
  DecisionThread& thread = DecisionThread::here();
  if (thread.evaluator == nullptr) {
    thread.evaluator = std::make_unique<decision::Evaluator>(options_.decision);
  }
  const int64_t start = steady_ns();
  const Verdict& verdict = thread.evaluator->evaluate(*context.pack, request);
  context.record.decision_ns += steady_ns() - start;
  if (options_.tap != nullptr) {
    options_.tap->on_decision(*context.in_force, context.pack, request, verdict);
  }
  return verdict;
}

decision::Request Router::decision_request(const RequestContext& context, abi::Hook hook,
                                           std::string_view server, const Item& tool) const {
  decision::Request request;
  request.hook = hook;
  request.principal = &context.exchange.principal();
  request.session_id = context.session ? std::string_view(context.session->id()) : std::string_view();
  request.protocol_version = context.protocol_version();
  request.client_name = context.client_name();
  request.client_version = context.client_version();
  request.client_ip = context.exchange.peer();
  request.server = server;
  request.tool = tool.key;
  request.definition = tool.json;
  request.now_us = context.record.start_us;
  return request;
}

bool Router::is_hidden(RequestContext& context, std::string_view server, const Item& tool) {
  if (ignores(context, abi::Hook::ListTools)) {
    return false;
  }
  decision::Request request = decision_request(context, abi::Hook::ListTools, server, tool);
  const Verdict& verdict = decide(context, request);
  // A rule that failed while it should have hidden a tool hides it.
  const bool hidden =
      verdict.hidden || (verdict.outcome == Outcome::Deny && verdict.rule != Verdict::kNoRule);
  // Listing asks about every tool: only what hides the tool that is being called belongs into the record.
  if (context.envelope.method == "tools/call" && hidden) {
    observe(context, request, verdict);
    context.record.ruling = Ruling::Hidden;
  }
  return hidden;
}

Reply Router::denied(RequestContext& context, const Verdict& verdict) const {
  std::string data = R"({"rule":)";
  value::append_json_string(data, verdict.rule_name);
  data += R"(,"pack":)";
  value::append_json_string(data,
                            std::string(context.pack->name()) + "@" + std::string(context.pack->version()));
  data += R"(,"request_id":)";
  value::append_json_string(data, context.exchange.request_id());
  data += '}';
  return failure(context, code::kDenied, verdict.message.empty() ? "Denied by policy." : verdict.message,
                 data);
}

std::optional<Reply> Router::decide_call(RequestContext& context, const Catalogue::Found& found,
                                         std::string& arguments) {
  if (ignores(context, abi::Hook::Call)) {
    return std::nullopt;
  }
  decision::Request request =
      decision_request(context, abi::Hook::Call, upstreams_[found.server]->name(), *found.item);
  request.args = context.envelope.arguments_json;
  const Verdict& verdict = decide(context, request);
  observe(context, request, verdict);
  if (verdict.outcome == Outcome::Deny) {
    return denied(context, verdict);
  }
  if (!verdict.sets.empty()) {
    context.record.sets = static_cast<uint32_t>(verdict.sets.size());
    arguments = decision::apply_sets(request.args, verdict.sets);
  }
  return std::nullopt;
}

std::optional<Reply> Router::decide_result(RequestContext& context, const Catalogue::Found& found,
                                           std::string_view arguments, std::string_view payload,
                                           std::string& result) {
  if (ignores(context, abi::Hook::Result)) {
    return std::nullopt;
  }
  decision::Request request =
      decision_request(context, abi::Hook::Result, upstreams_[found.server]->name(), *found.item);
  request.args = arguments;
  request.result = payload;
  const Verdict& verdict = decide(context, request);
  observe(context, request, verdict);
  if (verdict.outcome == Outcome::Deny) {
    return denied(context, verdict);
  }
  if (!verdict.sets.empty()) {
    result = decision::apply_sets(payload, verdict.sets);
  }
  if (!verdict.redactions.empty()) {
    size_t count = 0;
    result = decision::apply_redactions(result.empty() ? payload : std::string_view(result), *context.pack,
                                        verdict.redactions, &count);
    context.record.redactions = static_cast<uint32_t>(count);
  }
  return std::nullopt;
}

}  // namespace catalyst::mcp
