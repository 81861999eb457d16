// The rules' part of the router: which pack is in force, and what it says about what is listed, asked for and
// answered.

#include <algorithm>
#include <iterator>

#include "runtime/abi/unit.h"
#include "runtime/base/clock.h"
#include "runtime/decision/apply.h"
#include "runtime/decision/in_force.h"
#include "runtime/decision/windows.h"
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
  std::unique_ptr<decision::Evaluator> events;  // for events, while a verdict is still in use

  static DecisionThread& here() {
    static thread_local DecisionThread thread;
    return thread;
  }
};

/// Events of one request, what rules on events emit included.
constexpr size_t kEventsMax = 64;

/// What is reported of any verdict, of rules on events too.
void note(RequestContext& context, const decision::Request& request, const Verdict& verdict) {
  for (const decision::RuleError& e : verdict.errors) {
    context.errors.push_back({request.hook, e.rule, e.status, e.expr});
  }
  for (const decision::TagEffect& tag : verdict.tags) {
    context.tags.push_back({std::string(tag.key), std::string(tag.value)});
  }
  for (const auto& [effects, starts] : {std::pair{verdict.emits, false}, std::pair{verdict.starts, true}}) {
    for (const decision::NamedEffect& event : effects) {
      context.events.push_back({starts, std::string(event.name), std::string(event.json), event.rule, false});
    }
  }
  context.shadows.insert(context.shadows.end(), verdict.shadows.begin(), verdict.shadows.end());
  context.record.audit = std::max(context.record.audit, verdict.audit);
}

void observe(RequestContext& context, const decision::Request& request, const Verdict& verdict) {
  note(context, request, verdict);
  RequestRecord& record = context.record;
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

/// Why a requirement that is not fulfilled holds a request back, for its sender.
std::string unfulfilled(const decision::RequireEffect& required) {
  if (required.what == "mfa") {
    return "This needs a second factor, and you have signed in without.";
  }
  return "This needs " + std::string(required.what) +
         (required.role.empty() ? std::string() : " from role \"" + std::string(required.role) + "\"") +
         ", and nothing here can ask for it.";
}

void append_requirement(std::string& out, const decision::RequireEffect& required, std::string_view rule) {
  out += R"({"what":)";
  value::append_json_string(out, required.what);
  if (!required.role.empty()) {
    out += R"(,"role":)";
    value::append_json_string(out, required.role);
  }
  if (required.within_us > 0) {
    out += R"(,"within_ms":)" + std::to_string(required.within_us / 1000);
  }
  out += R"(,"rule":)";
  value::append_json_string(out, rule);
  out += "}";
}

/// What labels follow: an authenticated principal, whatever it connects as (a new session or trace must not
/// shed them); else the session, else the trace that the client continues.
std::string label_key(const RequestContext& context) {
  const std::string_view id = context.exchange.principal().id;
  if (!id.empty()) {
    return "p" + std::string(id);
  }
  if (context.session != nullptr) {
    return "s" + context.session->id();
  }
  return "t" + context.traceparent.substr(0, 35);  // version and trace id
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
  if (context.pack->reads_labels()) {
    context.labels = labels_.of(label_key(context), context.record.start_us);
    context.label_views.assign(context.labels.begin(), context.labels.end());
    request.labels = context.label_views;
  }
  const int64_t start = steady_ns();
  const Verdict& verdict = thread.evaluator->evaluate(*context.pack, request);
  context.record.decision_ns += steady_ns() - start;
  if (options_.tap != nullptr) {
    options_.tap->on_decision(*context.in_force, context.pack, request, verdict);
  }
  for (const decision::NamedEffect& label : verdict.labels) {
    labels_.add(label_key(context), label.name, context.record.start_us);
  }
  return verdict;
}

const decision::RouteChoice* Router::ask_route(RequestContext& context, const Subject& call) const {
  DecisionThread& thread = DecisionThread::here();
  if (thread.evaluator == nullptr) {
    thread.evaluator = std::make_unique<decision::Evaluator>(options_.decision);
  }
  decision::Request request = decision_request(context, call);
  if (context.pack->reads_labels()) {
    request.labels = context.label_views;
  }
  const int64_t start = steady_ns();
  const decision::RouteChoice* choice = thread.evaluator->route(*context.pack, request, context.route_name);
  context.record.decision_ns += steady_ns() - start;
  return choice;
}

void Router::react(RequestContext& context, const decision::Request& cause, size_t first) {
  if (first == context.events.size() || !context.pack->has_rules(abi::Hook::Event)) {
    return;
  }
  DecisionThread& thread = DecisionThread::here();
  if (thread.events == nullptr) {
    thread.events = std::make_unique<decision::Evaluator>(options_.decision);
  }
  uint32_t depth = 0;
  size_t level_end = context.events.size();  // events from here on were emitted one level deeper
  for (size_t i = first; i < context.events.size(); ++i) {
    if (i == level_end) {
      ++depth;
      level_end = context.events.size();
    }
    if (context.events[i].starts) {
      continue;
    }
    if (depth >= options_.event_depth || context.events.size() > kEventsMax) {
      context.events[i].unheard = true;
      continue;
    }
    const std::string name = context.events[i].name;
    std::string params = R"({"source":"catalyst","id":)";
    value::append_json_string(params, context.exchange.request_id());
    params += context.events[i].json.empty() ? "" : ",\"data\":" + context.events[i].json;
    params += "}";
    decision::Request event = cause;
    event.hook = abi::Hook::Event;
    event.server = {};
    event.tool = name;
    event.args = event.result = event.definition = {};
    event.params = params;
    note(context, event, thread.events->evaluate(*context.pack, event));
  }
}

decision::Request Router::decision_request(const RequestContext& context, const Subject& subject) const {
  decision::Request request;
  request.hook = subject.hook;
  request.principal = &context.exchange.principal();
  request.session_id = context.session ? std::string_view(context.session->label()) : std::string_view();
  request.protocol_version = context.protocol_version();
  request.client_name = context.client_name();
  request.client_version = context.client_version();
  request.client_ip = context.exchange.peer();
  request.server = subject.server;
  request.tool = subject.thing;
  request.args = subject.args;
  request.params = subject.params;
  request.result = subject.result;
  request.definition = subject.definition;
  request.now_us = context.record.start_us;
  request.windows = options_.windows;
  return request;
}

Subject Router::subject_of(abi::Hook hook, const Catalogue::Found& found) const {
  return {.hook = hook,
          .server = upstreams_[found.server]->name(),
          .thing = found.item->key,
          .definition = found.item->json};
}

Router::Shown Router::look_at(RequestContext& context, const Subject& listed, decision::Listing listing) {
  Shown out;
  if (ignores(context, listed.hook) ||
      (listing == decision::Listing::OwnRules && !context.pack->has_rules(listed.hook))) {
    return out;
  }
  decision::Request request = decision_request(context, listed);
  request.listing = listing;
  const Verdict& verdict = decide(context, request);
  // A rule that failed while it should have hidden something hides it.
  out.hidden = verdict.hidden || (verdict.outcome == Outcome::Deny && verdict.rule != Verdict::kNoRule);
  // Listing asks about everything there is: only what hides the thing that is asked for belongs into the
  // record.
  if (out.hidden && !context.envelope.method.ends_with("/list")) {
    observe(context, request, verdict);
    context.record.ruling = Ruling::Hidden;
  }
  if (!out.hidden && verdict.description.data() != nullptr) {
    out.description = std::string(verdict.description);
  }
  return out;
}

std::string Router::denial(const RequestContext& context, const Verdict& verdict) const {
  return denial(context, verdict.rule, verdict.message.empty() ? "Denied by policy." : verdict.message, {});
}

std::string Router::denial(const RequestContext& context, uint32_t rule, std::string_view message,
                           std::string_view more) const {
  std::string data = R"({"rule":)";
  value::append_json_string(data, context.pack->rule_name(rule));
  data += R"(,"pack":)";
  value::append_json_string(data,
                            std::string(context.pack->name()) + "@" + std::string(context.pack->version()));
  data += R"(,"request_id":)";
  value::append_json_string(data, context.exchange.request_id());
  if (rule != Verdict::kNoRule) {
    const abi::RuleInfo& info = context.pack->unit().rules[rule];
    for (const auto& [name, text] : {std::pair{"guidance", &info.guidance}, std::pair{"owner", &info.owner},
                                     std::pair{"ticket", &info.ticket}}) {
      if (!text->empty()) {
        data.append(",\"").append(name).append("\":");
        value::append_json_string(data, *text);
      }
    }
  }
  data.append(more).append("}");
  return error_object(code::kDenied, message, data);
}

Reply Router::held_back(RequestContext& context, uint32_t rule, std::string_view message,
                        std::string_view more) const {
  context.record.ruling = Ruling::Deny;
  context.record.rule = rule;
  context.rule_name = context.pack->rule_name(rule);
  Reply reply;
  reply.error_code = code::kDenied;
  reply.message = error_message(context.envelope.id_json, denial(context, rule, message, more));
  return reply;
}

std::optional<Reply> Router::hold_back(RequestContext& context, const Verdict& verdict) {
  if (!verdict.requirements.empty()) {
    std::string message;
    std::string more = R"(,"requires":[)";
    for (const decision::RequireEffect& required : verdict.requirements) {
      const bool first = message.empty();
      message += std::string(first ? "" : " ") + unfulfilled(required);
      more += first ? "" : ",";
      append_requirement(more, required, context.pack->rule_name(required.rule));
    }
    return held_back(context, verdict.requirements.front().rule, message, more + "]");
  }
  if (verdict.limits.empty()) {
    return std::nullopt;
  }
  const std::optional<decision::Exhausted> exhausted =
      decision::take(limits_, *context.pack, verdict.limits, context.record.start_us);
  if (!exhausted) {
    return std::nullopt;
  }
  const int64_t wait_ms = (exhausted->retry_after_us + 999) / 1000;
  return held_back(context, exhausted->rule,
                   "The limit of rule \"" + std::string(context.pack->rule_name(exhausted->rule)) +
                       "\" is reached; try again in " + std::to_string((wait_ms + 999) / 1000) + " s.",
                   R"(,"retry_after_ms":)" + std::to_string(wait_ms));
}

Reply Router::denied(RequestContext& context, const Verdict& verdict) const {
  Reply reply;
  reply.error_code = code::kDenied;
  reply.message = error_message(context.envelope.id_json, denial(context, verdict));
  return reply;
}

std::optional<Reply> Router::decide_request(RequestContext& context, const Subject& subject,
                                            std::string& arguments) {
  if (ignores(context, subject.hook)) {
    return std::nullopt;
  }
  decision::Request request = decision_request(context, subject);
  const size_t events = context.events.size();
  const Verdict& verdict = decide(context, request);
  observe(context, request, verdict);
  const size_t own_end = context.events.size();
  react(context, request, events);
  if (verdict.outcome == Outcome::Deny) {
    return denied(context, verdict);
  }
  if (std::optional<Reply> held = hold_back(context, verdict)) {
    // Nothing starts for what does not go on. What rules on events start is for what was emitted.
    const auto begin = context.events.begin();
    context.events.erase(
        std::remove_if(begin + static_cast<ptrdiff_t>(events), begin + static_cast<ptrdiff_t>(own_end),
                       [](const ObservedEvent& event) { return event.starts; }),
        begin + static_cast<ptrdiff_t>(own_end));
    return held;
  }
  context.route_name = verdict.route;
  if (options_.windows != nullptr) {
    decision::count(*options_.windows, *context.pack, verdict.counted, context.record.start_us);
  }
  if (!verdict.sets.empty()) {
    context.record.sets = static_cast<uint32_t>(verdict.sets.size());
    arguments = decision::apply_sets(context.envelope.arguments_json, verdict.sets);
  }
  return std::nullopt;
}

std::optional<Reply> Router::decide_result(RequestContext& context, const Subject& subject,
                                           std::string& result) {
  if (ignores(context, subject.hook)) {
    return std::nullopt;
  }
  decision::Request request = decision_request(context, subject);
  const size_t events = context.events.size();
  const Verdict& verdict = decide(context, request);
  observe(context, request, verdict);
  react(context, request, events);
  if (verdict.outcome == Outcome::Deny) {
    return denied(context, verdict);
  }
  redact(context, verdict, abi::RedactPlace::Result, subject.result, result);
  return std::nullopt;
}

void Router::redact_answer(RequestContext& context, const Subject& subject, std::string_view answer,
                           std::string& changed) {
  if (!context.pack->redacts(subject.hook)) {
    return;
  }
  // Rules are pure: the request is decided once more instead of keeping its verdict while the answer is
  // awaited.
  decision::Request request = decision_request(context, subject);
  redact(context, decide(context, request), abi::RedactPlace::Result, answer, changed);
}

void Router::redact(RequestContext& context, const Verdict& verdict, abi::RedactPlace place,
                    std::string_view text, std::string& changed) const {
  std::vector<decision::RedactEffect> here;
  std::copy_if(verdict.redactions.begin(), verdict.redactions.end(), std::back_inserter(here),
               [place](const decision::RedactEffect& effect) { return effect.place == place; });
  if (here.empty()) {
    return;
  }
  size_t count = 0;
  changed = decision::apply_redactions(text, *context.pack, here, &count);
  context.record.redactions += static_cast<uint32_t>(count);
}

std::optional<Reply> Router::decide_session(RequestContext& context, const SessionTerms& terms) {
  take_pack(context);
  if (ignores(context, abi::Hook::Session)) {
    return std::nullopt;
  }
  const bool modern = context.era == Era::Modern;
  const std::string_view offered = context.envelope.meta.client_capabilities_json;
  const std::string wrapped =
      modern && !offered.empty() ? R"({"capabilities":)" + std::string(offered) + "}" : "";
  decision::Request request = decision_request(
      context, {.hook = abi::Hook::Session,
                .params = modern ? std::string_view(wrapped) : context.envelope.params_json});
  request.protocol_version = terms.protocol_version;
  request.client_name = terms.client_name;
  request.client_version = terms.client_version;
  const Verdict& verdict = decide(context, request);
  observe(context, request, verdict);
  return verdict.outcome == Outcome::Deny ? std::optional(denied(context, verdict))
                                          : hold_back(context, verdict);
}

ServerRequestRuling Router::decide_server_request(RequestContext& context, abi::Hook hook, uint32_t server,
                                                  std::string_view params) {
  if (context.pack == nullptr) {
    take_pack(context);
  }
  ServerRequestRuling out;
  if (ignores(context, hook)) {
    return out;
  }
  decision::Request request =
      decision_request(context, {.hook = hook, .server = upstreams_[server]->name(), .params = params});
  const Verdict& verdict = decide(context, request);
  observe(context, request, verdict);
  if (verdict.outcome == Outcome::Deny) {
    out.refusal = denial(context, verdict);
    return out;
  }
  if (!verdict.sets.empty()) {
    out.params = decision::apply_sets(params, verdict.sets);
  }
  const std::string before = out.params;
  redact(context, verdict, abi::RedactPlace::Params, before.empty() ? params : std::string_view(before),
         out.params);
  return out;
}

std::string Router::redact_client_answer(RequestContext& context, abi::Hook hook, uint32_t server,
                                         std::string_view params, std::string_view answer) {
  std::string changed;
  if (context.pack != nullptr) {
    redact_answer(context, {.hook = hook, .server = upstreams_[server]->name(), .params = params}, answer,
                  changed);
  }
  return changed;
}

}  // namespace catalyst::mcp
