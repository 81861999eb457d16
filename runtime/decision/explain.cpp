#include "runtime/decision/explain.h"

#include "runtime/decision/evaluation.h"
#include "runtime/decision/trace_collector.h"
#include "runtime/value/ops.h"

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

}  // namespace

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
  evaluation.load(pack, request);
  for (const uint32_t rule : unit.plans[static_cast<size_t>(request.hook)].ranked) {
    if (evaluation.target_matches(unit.rules[rule].target)) {
      out.rules.push_back(explain_rule(evaluation, unit, rule));
      out.rules.back().decided = rule == decided;
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
