#include "compiler/analysis/properties.h"

#include <algorithm>

#include "compiler/analysis/outcome.h"
#include "compiler/analysis/search.h"
#include "compiler/analysis/slices.h"
#include "compiler/analysis/trial.h"
#include "compiler/ir/unit_builder.h"
#include "runtime/base/budget.h"

namespace catalyst::analysis {
namespace {

using diagnostics::Kind;

/// Tells whether a request is one that a property is about: its condition as the only rule of a pack.
class Scope {
 public:
  Scope(const std::shared_ptr<ir::Module>& module, const source::SourceMap& sources,
        const ir::Property& property)
      : pack_(unit(module, sources, property)) {}

  bool covers(const Witness& witness) {
    const WitnessRequest request(witness);
    const decision::Verdict& verdict = evaluator_.evaluate(pack_, request.get());
    return !verdict.tags.empty() && verdict.errors.empty();
  }

 private:
  static std::shared_ptr<const abi::Unit> unit(const std::shared_ptr<ir::Module>& module,
                                               const source::SourceMap& sources,
                                               const ir::Property& property) {
    ir::Rule rule{};
    rule.name = property.name;
    rule.hook = property.hook;
    rule.target = property.target;
    rule.condition = property.condition;
    rule.local_count = property.local_count;
    ir::Effect seen{};
    seen.kind = ir::EffectKind::Tag;
    seen.tag = "seen";
    rule.effects.push_back(std::move(seen));
    std::vector<ir::Rule> alone{std::move(rule)};
    module->rules.swap(alone);
    std::shared_ptr<const abi::Unit> out = ir::build_unit(module, sources);
    module->rules.swap(alone);
    return out;
  }

  decision::Pack pack_;
  decision::Evaluator evaluator_;
};

class Prover {
  /// Of a Budget, for a rule that is part of a question.
  static constexpr uint64_t kRuleSteps = 200;

 public:
  Prover(const std::shared_ptr<ir::Module>& module, const source::SourceMap& sources, diagnostics::Sink& sink,
         const FindOptions& options)
      : module_(module),
        sources_(sources),
        sink_(sink),
        world_(formulas_),
        rules_(world_, *module),
        solver_(world_, SolverOptions{options.effort}),
        trial_(module, sources) {}

  void prove(const ir::Property& property) {
    if (!Budget::spend(module_->rules.size())) {
      return leave_open(property, {{{}, nullptr, out_of_budget()}});
    }
    const Slices slices = slice({&rules_}, property.hook, module_->targets[property.target.index].patterns);
    std::vector<Search::Reason> reasons;
    if (!slices.complete && Budget::spend(0)) {
      reasons.push_back({{}, nullptr, "the tool patterns overlap in too many ways"});
    }
    if (property.hook == abi::Hook::ListTools && property.allowed && hidden_by_calls()) {
      reasons.push_back({{}, nullptr, "what rules on `call` keep out of lists is not followed"});
    }
    Scope scope(module_, sources_, property);
    for (const Slice& s : slices.all) {
      if (!Budget::spend(s.rules.front().size() * kRuleSteps)) {
        reasons.insert(reasons.begin(), {{}, nullptr, out_of_budget()});
        break;
      }
      Search found = look(property, s, scope);
      if (found.state == Search::State::Found) {
        return refute(property, found.witness);
      }
      if (found.state == Search::State::Open && found.reasons.empty()) {
        found.reasons.push_back({{}, nullptr, "no example was confirmed, and none was excluded"});
      }
      if (found.state == Search::State::Open) {
        reasons.insert(reasons.end(), found.reasons.begin(), found.reasons.end());
      }
    }
    if (!slices.complete && reasons.empty()) {
      reasons.push_back({{}, nullptr, out_of_budget()});
    }
    if (!reasons.empty()) {
      leave_open(property, reasons);
    }
  }

 private:
  /// Listing follows from calling; the rules of a list hook are not all that hides.
  [[nodiscard]] bool hidden_by_calls() const {
    return module_->default_deny[static_cast<size_t>(abi::Hook::Call)] ||
           std::any_of(module_->rules.begin(), module_->rules.end(), [](const ir::Rule& rule) {
             return rule.hook == abi::Hook::Call && rule.verdict == ir::VerdictKind::Deny;
           });
  }

  Search look(const ir::Property& property, const Slice& s, Scope& scope) {
    Formulas& f = formulas_;
    const FormulaId passing = passes(f, outcome(rules_, s, 0, property.hook));
    const FormulaId broken = property.allowed ? f.negate(passing) : passing;
    const FormulaId covered =
        property.condition.valid() ? rules_.symbolic().condition(property.condition).yes : f.truth(true);
    const FormulaId about = f.both(covered, f.both(s.constraint, rules_.target(property.target)));
    Witness base;
    base.hook = property.hook;
    base.server = s.server;
    base.tool = s.tool;
    base.result = property.hook == abi::Hook::Result ? "{}" : "";
    base.definition = property.hook == abi::Hook::ListTools ? "{}" : "";
    const auto shows = [&](const Witness& w) -> std::optional<FormulaId> {
      const bool breaks = scope.covers(w) && trial_.run(w).allowed() != property.allowed;
      return breaks ? std::nullopt : std::optional(f.truth(true));
    };
    return search(world_, solver_, f.both(about, broken), base, shows);
  }

  void refute(const ir::Property& property, const Witness& witness) {
    const Decision decision = trial_.run(witness);
    const std::string by = decision.rule.empty() ? "by default" : "by rule `" + decision.rule + "`";
    const char* const verdict = decision.hidden ? "hidden" : decision.allowed() ? "allowed" : "denied";
    auto& diagnostic = sink_.report(Kind::PropertyFails, property.span,
                                    {property.name, std::string("this request is ") + verdict + " " + by});
    diagnostic.notes.push_back({{}, witness.to_text()});
    diagnostic.notes.push_back({{}, "for `catalyst explain --request`: " + witness.to_json()});
  }

  void leave_open(const ir::Property& property, const std::vector<Search::Reason>& reasons) {
    auto& diagnostic = sink_.report(Kind::PropertyOpen, property.span, {property.name, reasons.front().text});
    for (const Search::Reason& reason : reasons) {
      const bool known = std::any_of(diagnostic.notes.begin(), diagnostic.notes.end(),
                                     [&](const diagnostics::Note& n) { return n.text == reason.text; });
      if (!known && reason.span.valid() && reason.module == module_.get()) {
        diagnostic.notes.push_back({reason.span, reason.text});
      }
    }
  }

  const std::shared_ptr<ir::Module>& module_;
  const source::SourceMap& sources_;
  diagnostics::Sink& sink_;
  Formulas formulas_;
  World world_;
  Rules rules_;
  Solver solver_;
  Trial trial_;
};

}  // namespace

void prove_properties(const std::shared_ptr<ir::Module>& module, const source::SourceMap& sources,
                      diagnostics::Sink& sink, const FindOptions& options) {
  if (module->properties.empty()) {
    return;
  }
  Prover prover(module, sources, sink, options);
  for (const ir::Property& property : module->properties) {
    prover.prove(property);
  }
}

}  // namespace catalyst::analysis
