#include "compiler/analysis/trial.h"

#include <algorithm>

#include "compiler/ir/unit_builder.h"

namespace catalyst::analysis {
namespace {

std::string dotted(const char* root, std::span<const std::string_view> path) {
  std::string out = root;
  for (const std::string_view step : path) {
    out.append(1, '.').append(step);
  }
  return out;
}

std::shared_ptr<const abi::Unit> probe_unit(const std::shared_ptr<ir::Module>& module,
                                            const source::SourceMap& sources) {
  std::vector<ir::Rule> bare = module->rules;
  for (ir::Rule& rule : bare) {
    rule.verdict = ir::VerdictKind::None;
    rule.message = ir::ExprId();
    rule.effects.clear();
    ir::Effect seen{};
    seen.kind = ir::EffectKind::Tag;
    seen.tag = "seen";
    rule.effects.push_back(std::move(seen));
  }
  module->rules.swap(bare);
  std::shared_ptr<const abi::Unit> unit = ir::build_unit(module, sources);
  module->rules.swap(bare);
  return unit;
}

}  // namespace

const char* Decision::verdict() const {
  return hidden ? "hide" : (outcome == decision::Outcome::Deny ? "deny" : "allow");
}

Trial::Trial(std::shared_ptr<const ir::Module> module, const source::SourceMap& sources)
    : module_(std::move(module)), pack_(ir::build_unit(module_, sources)) {}

Trial::~Trial() = default;

Decision Trial::run(const Witness& witness) {
  const WitnessRequest request(witness);
  const decision::Verdict& verdict = evaluator_.evaluate(pack_, request.get());
  Decision out;
  out.outcome = verdict.outcome;
  out.hidden = verdict.hidden;
  out.rule = verdict.rule_name;
  out.failed = verdict.rule != decision::Verdict::kNoRule && verdict.error.status != value::Status::Ok;
  for (const decision::SetEffect& set : verdict.sets) {
    out.effects.push_back("set " + dotted("call.args", set.path) + " = " + std::string(set.json));
  }
  for (const decision::RedactEffect& redact : verdict.redactions) {
    std::string text = "redact ";
    for (const uint32_t pattern : redact.patterns) {
      const abi::Redaction& named = pack_.unit().redactions[pattern];
      text += (text.size() > 7 ? ", " : "") + named.name;
    }
    out.effects.push_back(text + (redact.patterns.empty() ? "" : " in ") + dotted("result", redact.path));
  }
  if (verdict.description.data() != nullptr) {
    out.effects.push_back("describe " + std::string(verdict.description));
  }
  std::sort(out.effects.begin(), out.effects.end());
  out.effects.erase(std::unique(out.effects.begin(), out.effects.end()), out.effects.end());
  return out;
}

Probe::Probe(const std::shared_ptr<ir::Module>& module, const source::SourceMap& sources)
    : unit_(probe_unit(module, sources)), pack_(unit_) {}

const std::vector<uint32_t>& Probe::matches(const Witness& witness) {
  const WitnessRequest request(witness);
  const decision::Verdict& verdict = evaluator_.evaluate(pack_, request.get());
  matches_.clear();
  failed_.clear();
  for (const decision::RuleError& e : verdict.errors) {
    failed_.push_back(e.rule);
  }
  for (const decision::TagEffect& tag : verdict.tags) {
    if (std::find(failed_.begin(), failed_.end(), tag.rule) == failed_.end()) {
      matches_.push_back(tag.rule);
    }
  }
  std::sort(matches_.begin(), matches_.end());
  return matches_;
}

}  // namespace catalyst::analysis
