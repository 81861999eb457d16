#include "compiler/analysis/diff.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "compiler/analysis/outcome.h"
#include "compiler/ir/print.h"
#include "runtime/base/budget.h"

namespace catalyst::analysis {
namespace {

struct DifferenceText {
  std::string_view name;
  std::string_view sentence;
};
constexpr DifferenceText kTexts[] = {
#define DIFFERENCE(name, text, sentence) {text, sentence},
#include "compiler/analysis/difference.def"
#undef DIFFERENCE
};

class Comparison {
  /// Of a Budget, for a rule that is part of a question.
  static constexpr uint64_t kRuleSteps = 200;

 public:
  Comparison(const Side& before, const Side& after, const DiffOptions& options)
      : options_(options),
        world_(formulas_),
        old_(world_, *before.module),
        new_(world_, *after.module),
        solver_(world_, SolverOptions{options.effort}),
        old_trial_(before.module, *before.sources),
        new_trial_(after.module, *after.sources) {
    for (const ir::Module* module : {before.module.get(), after.module.get()}) {
      for (const ir::TargetPattern& tool : module->known_tools) {
        known_tools_[tool.server].insert(tool.tool);
      }
    }
    known_ = formulas_.truth(false);
    for (const auto& [server, tools] : known_tools_) {
      const FormulaId here =
          formulas_.text_in(formulas_.variable(world_.text("call.server")), std::vector<std::string>{server});
      const FormulaId one = formulas_.text_in(formulas_.variable(world_.text("call.tool")),
                                              std::vector<std::string>(tools.begin(), tools.end()));
      known_ = formulas_.either(known_, formulas_.both(here, one));
    }
  }

  std::vector<Difference> run() {
    for (size_t i = 0; i < kDifferenceCount; ++i) {
      out_.push_back({static_cast<DifferenceKind>(i), {}, 0, {}});
    }
    compare(abi::Hook::Call, DifferenceKind::MorePermissive, DifferenceKind::MoreRestrictive,
            DifferenceKind::Arguments);
    compare(abi::Hook::Result, DifferenceKind::ResultPasses, DifferenceKind::ResultDenied,
            DifferenceKind::Redaction);
    compare(abi::Hook::ListTools, DifferenceKind::Shown, DifferenceKind::Hidden, DifferenceKind::Arguments);
    compare_routes();
    compare_other_hooks();
    for (Difference& d : out_) {
      std::stable_partition(d.changes.begin(), d.changes.end(), [](const Change& c) { return c.known_tool; });
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool is_known(const Witness& w) const {
    const auto server = known_tools_.find(w.server);
    return known_tools_.empty() || (server != known_tools_.end() && server->second.contains(w.tool));
  }

  /// A request for the question, about a tool that there is if such a request exists.
  Search look(FormulaId question, const std::function<std::optional<FormulaId>(const Witness&)>& shows) {
    Search found = search(world_, solver_, formulas_.both(question, constraint_), base_, shows);
    if (found.state != Search::State::Found || is_known(found.witness)) {
      return found;
    }
    const FormulaId narrower = formulas_.both(question, formulas_.both(constraint_, known_));
    Search known = search(world_, solver_, narrower, base_, shows);
    return known.state == Search::State::Found ? known : found;
  }

  /// The rules of hooks that are not followed are the same, or the question is open.
  void compare_other_hooks() {
    for (size_t i = 0; i < abi::kHookCount; ++i) {
      const auto hook = static_cast<abi::Hook>(i);
      if (hook == abi::Hook::Call || hook == abi::Hook::Result || hook == abi::Hook::ListTools) {
        continue;
      }
      const bool same_default = old_.module().default_deny[i] == new_.module().default_deny[i];
      if (!same_default || rules_on(old_, hook) != rules_on(new_, hook)) {
        add_reasons(DifferenceKind::OtherHooks,
                    {{{}, nullptr, "rules on `" + std::string(abi::hook_name(hook)) + "` are not compared"}});
      }
    }
  }

  /// Routes are not followed either: they are the same, or the question is open.
  void compare_routes() {
    if (routing(old_) != routing(new_)) {
      add_reasons(DifferenceKind::Routes, {{{}, nullptr, "routes are not compared"}});
    }
  }

  /// What routes and the rules that choose them say, and what their conditions mean.
  static std::pair<std::string, std::vector<Digest>> routing(Rules& rules) {
    const ir::Module& module = rules.module();
    std::pair<std::string, std::vector<Digest>> out;
    const auto meaning = [&](ir::ExprId id) { out.second.push_back(rules.symbolic().digest(id)); };
    for (const ir::Route& route : module.routes) {
      out.first += ir::print(module, route);
      for (const ir::RoutePrefer& prefer : route.prefers) {
        meaning(prefer.condition);
      }
      meaning(route.hash);
      std::for_each(route.key.begin(), route.key.end(), meaning);
    }
    for (const ir::Rule& rule : module.rules) {
      for (const ir::Effect& effect : rule.effects) {
        if (effect.kind == ir::EffectKind::Route && !rule.shadow) {
          for (const ir::TargetPattern& pattern : module.targets[rule.target.index].patterns) {
            out.first += pattern.server + "." + pattern.tool + " ";
          }
          out.first += "route " + effect.tag;
          // Both say whether it routes when its condition fails.
          out.first += " verdict " + std::to_string(static_cast<int>(rule.verdict));
          out.first += " on error " + std::to_string(static_cast<int>(rule.on_error)) + "\n";
          meaning(rule.condition);
        }
      }
    }
    return out;
  }

  /// What the rules of a hook say, sorted: their order does not matter, nor what they are called.
  static std::vector<Digest> rules_on(Rules& rules, abi::Hook hook) {
    std::vector<Digest> out;
    for (const ir::Rule& rule : rules.module().rules) {
      if (rule.hook == hook) {
        out.push_back(digest(rules, rule));
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  static Digest digest(Rules& rules, const ir::Rule& rule) {
    const ir::Module& module = rules.module();
    Digest d;
    add_target(d, module, rule.target);
    d.add(rules.symbolic().digest(rule.condition)).add(rules.symbolic().digest(rule.message));
    d.add(static_cast<uint64_t>(rule.verdict)).add(static_cast<uint64_t>(rule.on_error));
    d.add(rule.shadow ? 1 : 0).add(rule.effects.size());
    for (const ir::Effect& effect : rule.effects) {
      d.add(static_cast<uint64_t>(effect.kind)).add(static_cast<uint64_t>(effect.place));
      add_target(d, module, effect.target);
      d.add(effect.path.size());
      for (const std::string& step : effect.path) {
        d.add(step);
      }
      d.add(rules.symbolic().digest(effect.value)).add(effect.redactions.size());
      for (const uint32_t redaction : effect.redactions) {
        d.add(module.redactions[redaction].pattern)
            .add(static_cast<uint64_t>(module.redactions[redaction].check));
      }
      d.add(effect.audit_level).add(effect.tag).add(effect.role);
      d.add(static_cast<uint64_t>(effect.count)).add(static_cast<uint64_t>(effect.burst));
      d.add(static_cast<uint64_t>(effect.duration_us));
    }
    return d;
  }

  static void add_target(Digest& d, const ir::Module& module, ir::TargetId target) {
    if (!target.valid()) {
      return;
    }
    for (const ir::TargetPattern& p : module.targets[target.index].patterns) {
      d.add(p.server).add(p.tool);
    }
  }

  void compare(abi::Hook hook, DifferenceKind looser, DifferenceKind stricter, DifferenceKind changed) {
    const Slices slices = slice({&old_, &new_}, hook);
    const auto open = [&](const std::string& why) {
      for (const DifferenceKind kind : {looser, stricter, changed}) {
        add_reasons(kind, {{{}, nullptr, why}});
      }
    };
    if (!slices.complete && Budget::spend(0)) {
      open("the tool patterns on " + std::string(abi::hook_name(hook)) + " overlap in too many ways");
    }
    for (const Slice& s : slices.all) {
      if (!Budget::spend((s.rules[0].size() + s.rules[1].size()) * kRuleSteps)) {
        break;
      }
      const Outcome before = outcome(old_, s, 0, hook);
      const Outcome after = outcome(new_, s, 1, hook);
      base_ = Witness{};
      base_.hook = hook;
      base_.server = s.server;
      base_.tool = s.tool;
      base_.result = hook == abi::Hook::Result ? "{}" : "";
      base_.definition = hook == abi::Hook::ListTools ? "{}" : "";
      constraint_ = s.constraint;
      compare_verdicts(looser, before, after, Direction::Looser);
      compare_verdicts(stricter, after, before, Direction::Stricter);
      compare_changes(changed, before, after);
    }
    if (!Budget::spend(0)) {
      open(out_of_budget());
    }
  }

  enum class Direction : uint8_t { Looser, Stricter };

  /// Requests that `to` lets pass and `from` does not. Grounds that both have are left out of the question
  /// until an example runs into one: they are alike, and mostly have nothing to do with the difference.
  void compare_verdicts(DifferenceKind kind, const Outcome& from, const Outcome& to, Direction direction) {
    Formulas& f = formulas_;
    std::vector<FormulaId> refused;
    for (const auto& [id, ground] : from.denies) {
      if (!to.denies.contains(id)) {
        refused.push_back(ground.holds);
      }
    }
    std::vector<FormulaId> parts = {f.either(f.any_of(refused), f.negate(granted(f, from))), granted(f, to)};
    for (const auto& [id, ground] : to.denies) {
      if (!from.denies.contains(id)) {
        parts.push_back(f.negate(ground.holds));
      }
    }
    const FormulaId question = f.all_of(parts);
    if (f.is_false(question)) {
      return;
    }
    Trial& to_trial = direction == Direction::Looser ? new_trial_ : old_trial_;
    const auto shows = [&](const Witness& w) -> std::optional<FormulaId> {
      const Change change{w, old_trial_.run(w), new_trial_.run(w)};
      const bool before = change.before.allowed();
      const bool after = change.after.allowed();
      if (before != after && after == (direction == Direction::Looser)) {
        return std::nullopt;
      }
      return broken(to, to_trial, w);
    };
    conclude(kind, look(question, shows));
  }

  /// A denial of `to` that an example ran into and the question did not exclude.
  FormulaId broken(const Outcome& to, Trial& trial, const Witness& w) {
    const Decision decision = trial.run(w);
    for (const auto& [id, ground] : to.denies) {
      if (!decision.allowed() && trial.module().rules[ground.rule].name == decision.rule) {
        return formulas_.negate(ground.holds);
      }
    }
    return formulas_.truth(true);
  }

  static std::string key_of(const Outcome::Change& change) {
    return std::to_string(change.holds.index) + change.place + change.names + change.value.digest.text();
  }

  void compare_changes(DifferenceKind kind, const Outcome& before, const Outcome& after) {
    if (before.changes.empty() && after.changes.empty()) {
      return;
    }
    compare_changes(kind, before, after, before.changes, after.changes);
    compare_changes(kind, before, after, after.changes, before.changes);
  }

  /// Requests that both let pass, and that a change of `mine` is made to and none of `theirs` like it.
  void compare_changes(DifferenceKind kind, const Outcome& before, const Outcome& after,
                       const std::vector<Outcome::Change>& mine, const std::vector<Outcome::Change>& theirs) {
    Formulas& f = formulas_;
    for (const Outcome::Change& change : mine) {
      if (!Budget::spend(theirs.size() * kRuleSteps)) {
        return;
      }
      std::vector<FormulaId> covers;
      bool same = false;
      for (const Outcome::Change& other : theirs) {
        same = same || key_of(other) == key_of(change);
        if (other.place != change.place || other.names != change.names) {
          continue;
        }
        const bool has_value = change.value.ok.valid();
        covers.push_back(f.both(
            other.holds, has_value ? old_.symbolic().equal(change.value, other.value) : f.truth(true)));
      }
      const FormulaId covered = f.any_of(covers);
      const FormulaId alone = f.both(change.holds, f.negate(covered));
      if (same || f.is_false(alone)) {
        continue;
      }
      const FormulaId question = f.both(f.both(passes(f, before), passes(f, after)), alone);
      const auto shows = [&](const Witness& w) -> std::optional<FormulaId> {
        const Decision a = old_trial_.run(w);
        const Decision b = new_trial_.run(w);
        if (a.allowed() && b.allowed() && a.effects != b.effects) {
          return std::nullopt;
        }
        return f.truth(true);
      };
      conclude(kind, look(question, shows));
    }
  }

  void conclude(DifferenceKind kind, Search found) {
    Difference& d = out_[static_cast<size_t>(kind)];
    switch (found.state) {
      case Search::State::Proved:
        break;
      case Search::State::Open:
        if (found.reasons.empty()) {
          found.reasons.push_back({{}, nullptr, "no example was confirmed, and none was excluded"});
        }
        add_reasons(kind, std::move(found.reasons));
        break;
      case Search::State::Found:
        if (d.changes.size() >= options_.max_changes) {
          ++d.more;
        } else {
          Change change{found.witness, old_trial_.run(found.witness), new_trial_.run(found.witness),
                        is_known(found.witness)};
          const std::string text = change.witness.to_json();
          const bool known = std::any_of(d.changes.begin(), d.changes.end(),
                                         [&](const Change& c) { return c.witness.to_json() == text; });
          if (!known) {
            d.changes.push_back(std::move(change));
          }
        }
        break;
    }
  }

  void add_reasons(DifferenceKind kind, std::vector<Search::Reason> reasons) {
    std::vector<Search::Reason>& all = out_[static_cast<size_t>(kind)].reasons;
    for (Search::Reason& reason : reasons) {
      const bool known = std::any_of(all.begin(), all.end(), [&](const Search::Reason& r) {
        return r.text == reason.text && r.span.begin == reason.span.begin && r.module == reason.module;
      });
      if (!known) {
        all.push_back(std::move(reason));
      }
    }
  }

  const DiffOptions& options_;
  Formulas formulas_;
  World world_;
  Rules old_;
  Rules new_;
  Solver solver_;
  Trial old_trial_;
  Trial new_trial_;
  Witness base_;
  FormulaId constraint_;
  std::map<std::string, std::set<std::string>> known_tools_;  // of the schemas, by server
  FormulaId known_;                                           // over call.server and call.tool
  std::vector<Difference> out_;
};

}  // namespace

std::string_view difference_name(DifferenceKind kind) { return kTexts[static_cast<size_t>(kind)].name; }
std::string_view difference_sentence(DifferenceKind kind) {
  return kTexts[static_cast<size_t>(kind)].sentence;
}

std::vector<Difference> diff(const Side& before, const Side& after, const DiffOptions& options) {
  return Comparison(before, after, options).run();
}

}  // namespace catalyst::analysis
