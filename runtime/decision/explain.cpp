#include "runtime/decision/explain.h"

#include "runtime/decision/evaluation.h"
#include "runtime/decision/explain_route.h"
#include "runtime/decision/trace_collector.h"
#include "runtime/value/ops.h"
#include "runtime/value/time.h"

namespace catalyst::decision {

namespace {

using value::Status;

std::string dotted(std::string_view root, std::span<const std::string_view> path) {
  std::string out(root);
  for (const std::string_view name : path) {
    out.append(1, '.').append(name);
  }
  return out;
}

std::string_view redacted_root(abi::Hook hook, abi::RedactPlace place) {
  return place == abi::RedactPlace::Result ? std::string_view("result") : abi::hook_name(hook);
}

void explain_verdict(const Pack& pack, const Verdict& verdict, Explanation& out) {
  out.outcome = verdict.outcome;
  out.hidden = verdict.hidden;
  out.rule = verdict.rule_name;
  out.message = verdict.message;
  out.audit = verdict.audit;
  for (const SetEffect& set : verdict.sets) {
    out.effects.push_back("set " + dotted(abi::hook_info(out.hook).set_root, set.path) + " = " +
                          std::string(set.json));
  }
  for (const RedactEffect& redact : verdict.redactions) {
    std::string text = "redact ";
    for (const uint32_t pattern : redact.patterns) {
      text += (text.size() > 7 ? ", " : "") + pack.unit().redactions[pattern].name;
    }
    out.effects.push_back(text + (redact.patterns.empty() ? "" : " in ") +
                          dotted(redacted_root(out.hook, redact.place), redact.path));
  }
  for (const auto& [word, effects] : {std::pair{"emit ", verdict.emits}, std::pair{"start ", verdict.starts},
                                      std::pair{"label ", verdict.labels}}) {
    for (const NamedEffect& effect : effects) {
      out.effects.push_back(word + std::string(effect.name) + (effect.json.empty() ? "" : " ") +
                            std::string(effect.json));
    }
  }
  for (const LimitEffect& limit : verdict.limits) {
    out.effects.push_back("limit " + limit_text(limit));
  }
  for (const RequireEffect& required : verdict.requirements) {
    out.effects.push_back("require " + requirement_text(required));
  }
  if (verdict.description.data() != nullptr) {
    out.effects.push_back("describe \"" + std::string(verdict.description) + "\"");
  }
  if (!verdict.route.empty()) {
    out.effects.push_back("route " + std::string(verdict.route));
  }
  for (const TagEffect& tag : verdict.tags) {
    out.effects.push_back("tag " + std::string(tag.key) + " = " + std::string(tag.value));
  }
}

ExplainedRule explain_rule(Evaluation& evaluation, const abi::Unit& unit, uint32_t index) {
  const abi::RuleInfo& rule = unit.rules[index];
  ExplainedRule out;
  out.rule = index;
  out.name = rule.name;
  out.place = rule.place;
  for (const auto& [word, text] : {std::pair{"owner ", &rule.owner}, std::pair{"ticket ", &rule.ticket},
                                   std::pair{"guidance: ", &rule.guidance}}) {
    if (!text->empty()) {
      out.notes.push_back(word + *text);
    }
  }
  if (rule.condition == abi::RuleInfo::kNone) {
    out.state = ExplainedRule::State::Matched;
    return out;
  }
  TraceCollector collector(unit);
  abi::Frame& frame = evaluation.frame();
  frame.trace = &collector;
  evaluation.forget_facts();
  evaluation.refuel();
  const abi::Truth truth = unit.interpreter.condition(unit.interpreter.self, &frame, rule.condition);
  frame.trace = nullptr;
  if (truth >= abi::kTruthError) {
    out.state = ExplainedRule::State::Failed;
    out.status = static_cast<Status>(truth - abi::kTruthError);
  } else {
    out.state = truth == abi::kTrue ? ExplainedRule::State::Matched : ExplainedRule::State::NotMatched;
  }
  out.conditions = std::move(collector.conditions);
  return out;
}

/// A rule that decides what could be asked of a listed thing.
ExplainedRule explain_asked(Evaluation& evaluation, const abi::Unit& unit, uint32_t index) {
  const abi::RuleInfo& rule = unit.rules[index];
  ExplainedRule out;
  out.rule = index;
  out.name = rule.name;
  out.place = rule.place;
  const abi::Truth truth = evaluation.whatever_is_asked(rule);
  if (truth >= abi::kTruthError) {
    out.state = ExplainedRule::State::Failed;
    out.status = static_cast<Status>(truth - abi::kTruthError);
  } else {
    out.state = truth == abi::kTrue    ? ExplainedRule::State::Matched
                : truth == abi::kFalse ? ExplainedRule::State::NotMatched
                                       : ExplainedRule::State::Open;
  }
  return out;
}

}  // namespace

std::string limit_text(const LimitEffect& limit) {
  std::string out = std::to_string(limit.count) + " per ";
  value::append_duration(out, limit.per_us);
  return out + " burst " + std::to_string(limit.burst) + " by \"" + std::string(limit.key) + "\"";
}

std::string requirement_text(const RequireEffect& required) {
  std::string out(required.what);
  out += required.role.empty() ? "" : " from role " + std::string(required.role);
  if (required.within_us > 0) {
    out += " within ";
    value::append_duration(out, required.within_us);
  }
  return out;
}

std::vector<std::string> file_names(const Pack& pack) {
  std::vector<std::string> out;
  for (const abi::SourceText& file : pack.unit().files) {
    out.push_back(file.path);
  }
  return out;
}

Explanation explain(const Pack& pack, const Request& request, const Limits& limits) {
  const abi::Unit& unit = pack.unit();
  Explanation out;
  out.pack = unit.pack_name + (unit.pack_version.empty() ? "" : " " + unit.pack_version);
  out.hook = request.hook;
  out.files = file_names(pack);
  Evaluation evaluation(limits);
  const Verdict& verdict = evaluation.run(pack, request, Evaluation::Mode::Reference);
  explain_verdict(pack, verdict, out);
  const uint32_t decided = verdict.rule;
  out.route = explain_route(evaluation, pack, request, verdict);
  evaluation.load(pack, request);
  for (const uint32_t rule : unit.plans[static_cast<size_t>(request.hook)].ranked) {
    if (evaluation.target_matches(unit.rules[rule].target)) {
      out.rules.push_back(explain_rule(evaluation, unit, rule));
      out.rules.back().decided = rule == decided;
    }
  }
  for (const uint32_t rule : unit.plans[static_cast<size_t>(request.hook)].shadow) {
    if (evaluation.target_matches(unit.rules[rule].target)) {
      out.rules.push_back(explain_rule(evaluation, unit, rule));
      out.rules.back().name += " (shadow, never enforced)";
    }
  }
  if (is_derived(pack, request)) {
    const Request asked = asked_request(request);
    evaluation.load(pack, asked);
    for (const uint32_t rule : unit.plans[static_cast<size_t>(asked.hook)].ranked) {
      if (evaluation.target_matches(unit.rules[rule].target) &&
          unit.rules[rule].verdict != abi::RuleVerdict::None) {
        out.rules.push_back(explain_asked(evaluation, unit, rule));
        out.rules.back().decided = rule == decided;
      }
    }
  }
  return out;
}

ExplainedValue explain_value(const Pack& pack, const Request& request, uint32_t expr, const Limits& limits) {
  const abi::Unit& unit = pack.unit();
  Evaluation evaluation(limits);
  evaluation.load(pack, request);
  TraceCollector collector(unit);
  abi::Frame& frame = evaluation.frame();
  frame.trace = &collector;
  evaluation.refuel();
  value::Value value;
  ExplainedValue out;
  out.status = unit.interpreter.evaluate(unit.interpreter.self, &frame, expr, &value);
  frame.trace = nullptr;
  if (out.status == Status::Ok && value.is_absent()) {
    out.json = "null";
  } else if (out.status == Status::Ok) {
    value::append_json(out.json, value);
  }
  out.conditions = std::move(collector.conditions);
  return out;
}

}  // namespace catalyst::decision
