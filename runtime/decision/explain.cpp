#include "runtime/decision/explain.h"

#include "runtime/decision/evaluation.h"
#include "runtime/value/ops.h"

namespace catalyst::decision {

namespace {

using value::Status;
using value::Value;

std::string dotted(std::string_view root, std::span<const std::string_view> path) {
  std::string out(root);
  for (const std::string_view name : path) {
    out.append(1, '.').append(name);
  }
  return out;
}

std::string_view source_of(const abi::Unit& unit, const abi::SourcePlace& place) {
  if (place.file >= unit.files.size() || place.offset > unit.files[place.file].text.size()) {
    return {};
  }
  return std::string_view(unit.files[place.file].text).substr(place.offset, place.length);
}

/// Receives what the interpreter evaluates and keeps it as text, since values live in the evaluation's arena.
struct Collector : abi::TraceSink {
  explicit Collector(const abi::Unit& u) : unit(u) { record = &Collector::take; }

  static void take(abi::TraceSink* self, uint32_t expr, Status status, const Value* v) noexcept {
    auto* collector = static_cast<Collector*>(self);
    ExplainedCondition& c = collector->conditions.emplace_back();
    c.expr = expr;
    if (expr < collector->unit.places.size()) {
      c.place = collector->unit.places[expr];
      c.source = source_of(collector->unit, c.place);
    }
    c.status = status;
    if (status == Status::Ok) {
      value::append_json(c.value, c.place.negated ? Value::of_bool(v->a.integer == 0) : *v);
    }
  }

  const abi::Unit& unit;
  std::vector<ExplainedCondition> conditions;
};

void explain_verdict(const Pack& pack, const Verdict& verdict, Explanation& out) {
  out.outcome = verdict.outcome;
  out.hidden = verdict.hidden;
  out.rule = verdict.rule_name;
  out.message = verdict.message;
  out.audit = verdict.audit;
  for (const SetEffect& set : verdict.sets) {
    out.effects.push_back("set " + dotted("call.args", set.path) + " = " + std::string(set.json));
  }
  for (const RedactEffect& redact : verdict.redactions) {
    std::string text = "redact ";
    for (const uint32_t pattern : redact.patterns) {
      text += (text.size() > 7 ? ", " : "") + pack.unit().redactions[pattern].name;
    }
    out.effects.push_back(text + (redact.patterns.empty() ? "" : " in ") + dotted("result", redact.path));
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
  Collector collector(unit);
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

Explanation explain(const Pack& pack, const Request& request, const Limits& limits) {
  const abi::Unit& unit = pack.unit();
  Explanation out;
  out.pack = unit.pack_name + (unit.pack_version.empty() ? "" : " " + unit.pack_version);
  out.hook = request.hook;
  for (const abi::SourceText& file : unit.files) {
    out.files.push_back(file.path);
  }
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

}  // namespace catalyst::decision
