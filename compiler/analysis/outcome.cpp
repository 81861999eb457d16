#include "compiler/analysis/outcome.h"

namespace catalyst::analysis {
namespace {

std::string dotted(const char* root, const std::vector<std::string>& path) {
  std::string out = root;
  for (const std::string& step : path) {
    out += "." + step;
  }
  return out;
}

void add(Grounds& grounds, const Formulas& f, FormulaId holds, uint32_t rule) {
  if (!f.is_false(holds)) {
    grounds.emplace(holds, Ground{holds, rule});
  }
}

}  // namespace

Outcome outcome(Rules& rules, const Slice& slice, size_t pack, abi::Hook hook) {
  Formulas& f = rules.world().formulas;
  const ir::Module& module = rules.module();
  Outcome out;
  out.needs_allow = module.default_deny[static_cast<size_t>(hook)];
  for (const uint32_t i : slice.rules[pack]) {
    const ir::Rule& rule = module.rules[i];
    if (rule.shadow) {
      continue;
    }
    const Rules::Meaning& m = rules.meaning(i);
    // Within a slice the target holds; a condition that fails counts unless the rule allows, or says
    // otherwise.
    const bool only_when_true = rule.verdict == ir::VerdictKind::Allow || rule.on_error == ir::OnError::Skip;
    const FormulaId applies = only_when_true ? m.holds : f.negate(m.refuses);
    if (rule.on_error == ir::OnError::Deny && rule.verdict != ir::VerdictKind::Deny) {
      add(out.denies, f, f.both(f.negate(m.holds), f.negate(m.refuses)), i);
    }
    if (rule.verdict == ir::VerdictKind::Deny) {
      add(out.denies, f, applies, i);
    } else if (rule.verdict == ir::VerdictKind::Allow) {
      add(out.allows, f, applies, i);
    }
    for (const ir::Effect& effect : rule.effects) {
      switch (effect.kind) {
        case ir::EffectKind::Hide:
          add(out.denies, f, effect.target.valid() ? f.both(applies, rules.target(effect.target)) : applies,
              i);
          break;
        case ir::EffectKind::Set: {
          const Sym value = rules.symbolic().value(effect.value);
          // A value that must be set and cannot be denies.
          const FormulaId there = f.both(value.ok, value.present);
          add(out.denies, f, f.both(applies, f.negate(f.both(m.holds, there))), i);
          out.changes.push_back({m.holds, "set " + dotted("call.args", effect.path), value, "", i});
          break;
        }
        case ir::EffectKind::Redact: {
          std::string names;
          for (const uint32_t redaction : effect.redactions) {
            names += module.redactions[redaction].pattern + "\n";
          }
          const char* const place = effect.place == abi::RedactPlace::Params ? "params" : "result";
          out.changes.push_back({applies, "redact " + dotted(place, effect.path), {}, std::move(names), i});
          break;
        }
        case ir::EffectKind::Describe:
          out.changes.push_back({m.holds, "describe", rules.symbolic().value(effect.value), "", i});
          break;
        case ir::EffectKind::Limit:  // what was asked before is no part of a request
          if (effect.value.valid()) {
            // A limit whose key cannot be known denies.
            const Sym key = rules.symbolic().value(effect.value);
            add(out.denies, f, f.both(applies, f.negate(f.both(key.ok, key.present))), i);
          }
          break;
        case ir::EffectKind::Audit:
        case ir::EffectKind::Tag:
        case ir::EffectKind::Require:
        case ir::EffectKind::Emit:
        case ir::EffectKind::Start:
        case ir::EffectKind::Route:
        case ir::EffectKind::Label:
          break;
      }
    }
  }
  return out;
}

FormulaId granted(Formulas& f, const Outcome& o) {
  std::vector<FormulaId> any = {f.truth(!o.needs_allow)};
  for (const auto& [id, ground] : o.allows) {
    any.push_back(ground.holds);
  }
  return f.any_of(any);
}

FormulaId passes(Formulas& f, const Outcome& o) {
  std::vector<FormulaId> all = {granted(f, o)};
  for (const auto& [id, ground] : o.denies) {
    all.push_back(f.negate(ground.holds));
  }
  return f.all_of(all);
}

}  // namespace catalyst::analysis
