#include "compiler/analysis/findings.h"

#include <algorithm>
#include <unordered_map>

#include "compiler/analysis/guess.h"
#include "compiler/analysis/rules.h"
#include "compiler/analysis/trial.h"
#include "runtime/base/budget.h"

namespace catalyst::analysis {
namespace {

using diagnostics::Kind;
using ir::ExprId;
using ir::Op;

bool contains(const std::vector<uint32_t>& sorted, uint32_t x) {
  return std::binary_search(sorted.begin(), sorted.end(), x);
}

class Finder {
 public:
  Finder(const std::shared_ptr<ir::Module>& module, const source::SourceMap& sources, diagnostics::Sink& sink,
         Memory& memory, const FindOptions& options)
      : module_(*module),
        sink_(sink),
        memory_(memory),
        options_(options),
        world_(formulas_),
        rules_(world_, *module),
        solver_(world_, SolverOptions{options.effort}),
        probe_(module, sources),
        digests_(module->rules.size()),
        examples_(module->rules.size()) {}

  void run() {
    for (uint32_t i = 0; i < module_.rules.size(); ++i) {
      digests_[i] = digest(i);
    }
    for (uint32_t i = 0; i < module_.rules.size(); ++i) {
      too_hard_ = false;
      if (Budget::spend(kRuleSteps + module_.rules.size())) {  // the index passes over other rules, too
        look_at(i);
      }
      if (too_hard_ || !Budget::spend(0)) {
        undecided_.push_back(i);
      }
    }
    if (!undecided_.empty()) {
      sink_.report(Kind::Undecided, module_.rules[undecided_.front()].span,
                   {std::to_string(undecided_.size()), std::to_string(module_.rules.size()),
                    Budget::spend(0) ? "single questions are too hard" : out_of_budget()});
    }
  }

 private:
  /// Of a Budget, for what is done about a rule beside asking the solver.
  static constexpr uint64_t kRuleSteps = 2'000;

  // ---- questions ----

  using Proof = Memory::Proof;

  /// Puts a question and notes when it was too hard.
  Answer ask(FormulaId formula, std::span<const FormulaId> fixed = {}) {
    Answer out = solver_.ask(formula, fixed);
    too_hard_ = too_hard_ || out.gave_up;
    return out;
  }

  /// Remembers what came of a question; not when there was no time for it.
  void remember(const std::string& key, const Answer& answer) {
    if (answer.kind == Answer::Kind::Impossible) {
      memory_.proofs[key] = Proof::Never;
    } else if (!answer.gave_up) {
      memory_.proofs[key] = Proof::Open;
    } else if (Budget::spend(0)) {
      memory_.proofs[key] = Proof::TooHard;
    }
  }

  enum class Found : uint8_t { Example, Never, Unknown };

  /// Is there a request with `formula`, for which `shows` holds when it is tried? Remembered under `key`.
  template <class Make, class Shows>
  Found example(const std::string& key, const Witness& base, Make make, Shows shows, Witness* out) {
    if (const auto known = memory_.examples.find(key);
        known != memory_.examples.end() && shows(known->second)) {
      *out = known->second;
      return Found::Example;
    }
    if (const auto proved = memory_.proofs.find(key); proved != memory_.proofs.end()) {
      too_hard_ = too_hard_ || proved->second == Proof::TooHard;
      return proved->second == Proof::Never ? Found::Never : Found::Unknown;
    }
    if (shows(base)) {
      *out = base;
      return Found::Example;
    }
    const FormulaId formula = make();
    const FormulaId usual = usual_tool(base);
    if (guessed({formula, usual}, base, shows, out) || guessed({formula}, base, shows, out)) {
      memory_.examples[key] = *out;
      return Found::Example;
    }
    const Answer answer = ask(formula, std::vector<FormulaId>{usual});
    if (answer.kind == Answer::Kind::Possible) {
      *out = make_witness(world_, answer.model, base);
      if (shows(*out)) {
        memory_.examples[key] = *out;
        return Found::Example;
      }
    }
    remember(key, answer);
    return answer.kind == Answer::Kind::Impossible ? Found::Never : Found::Unknown;
  }

  /// Is there an example that needs no solver?
  template <class Shows>
  bool guessed(std::initializer_list<FormulaId> formulas, const Witness& base, Shows shows, Witness* out) {
    const std::optional<Model> model = guess(world_, {formulas.begin(), formulas.size()});
    if (!model) {
      return false;
    }
    *out = make_witness(world_, *model, base);
    return shows(*out);
  }

  FormulaId usual_tool(const Witness& base) {
    Formulas& f = formulas_;
    return f.both(f.text_in(f.variable(world_.text("call.server")), std::vector<std::string>{base.server}),
                  f.text_in(f.variable(world_.text("call.tool")), std::vector<std::string>{base.tool}));
  }

  std::string digest(uint32_t rule) {
    const ir::Rule& r = module_.rules[rule];
    Digest d = rules_.symbolic().digest(r.condition);
    d.add(static_cast<uint64_t>(r.hook))
        .add(static_cast<uint64_t>(r.verdict))
        .add(r.condition.valid() ? 1 : 0);
    for (const ir::TargetPattern& pattern : module_.targets[r.target.index].patterns) {
      d.add(pattern.server).add(pattern.tool);
    }
    return d.text();
  }

  // ---- one rule ----

  void look_at(uint32_t i) {
    const ir::Rule& rule = module_.rules[i];
    const Witness base = rules_.base(rule.hook, rule.target);
    const auto matched = [&](const Witness& w) { return contains(probe_.matches(w), i); };
    Witness w;
    const Found found = example(
        "holds " + digests_[i], base,
        [&] { return formulas_.both(rules_.meaning(i).target, rules_.meaning(i).holds); }, matched, &w);
    if (found == Found::Never) {
      report_never(i);
      return;
    }
    if (rule.condition.valid() && !is_constant(rule.condition)) {
      look_at_condition(i, base);
    }
    if (found == Found::Example) {
      examples_[i] = w;
      look_for_cover(i, w);
    }
  }

  [[nodiscard]] bool is_constant(ExprId id) const { return module_.expr(id).op == Op::Const; }

  void look_at_condition(uint32_t i, const Witness& base) {
    const ir::Rule& rule = module_.rules[i];
    const auto refused = [&](const Witness& w) {
      const bool holds = contains(probe_.matches(w), i);
      const auto& failed = probe_.failed();
      return !holds && std::find(failed.begin(), failed.end(), i) == failed.end() && failed.size() < 16;
    };
    Witness w;
    const Found found = example(
        "refuses " + digests_[i], base,
        [&] { return formulas_.both(rules_.meaning(i).target, rules_.meaning(i).refuses); }, refused, &w);
    if (found == Found::Never) {
      sink_.report(Kind::AlwaysMatches, module_.expr_spans[rule.condition.index], {rule.name});
      return;
    }
    look_at_parts(rule.condition);
  }

  /// Parts of `and` and `or` that are the same for every request.
  void look_at_parts(ExprId condition) {
    for (const Op op : {Op::And, Op::Or}) {
      std::vector<ExprId> parts;
      rules_.parts(condition, op, parts);
      if (parts.size() < 2) {
        continue;
      }
      for (const ExprId part : parts) {
        look_at_part(part);
      }
    }
  }

  void look_at_part(ExprId part) {
    if (is_constant(part) || is_plain(part) || !looked_.insert(part.index).second) {
      return;
    }
    const Symbolic::Condition c = rules_.symbolic().condition(part);
    const std::string key = rules_.symbolic().digest(part).text();
    for (const bool truth : {true, false}) {
      const FormulaId wanted = truth ? c.yes : c.no;
      const std::string own = (truth ? "part holds " : "part refuses ") + key;
      if (!memory_.proofs.contains(own)) {
        if (guess(world_, {&wanted, 1})) {
          memory_.proofs[own] = Proof::Open;
        } else {
          remember(own, ask(wanted));
        }
      }
      const auto known = memory_.proofs.find(own);
      too_hard_ = too_hard_ || (known != memory_.proofs.end() && known->second == Proof::TooHard);
      if (known != memory_.proofs.end() && known->second == Proof::Never) {
        sink_.report(truth ? Kind::PartNever : Kind::PartAlways, module_.expr_spans[part.index]);
        return;
      }
    }
    look_at_parts(part);
  }

  /// A test of one input against constants that some values pass and others do not: nothing to ask.
  [[nodiscard]] bool is_plain(ExprId id) const {
    const ir::Expr& e = module_.expr(id);
    switch (e.op) {
      case Op::Slot:
      case Op::Unwrap:
      case Op::Glob:
      case Op::Regex:
      case Op::IsPresent:
        return true;
      case Op::Not:
        return is_plain(module_.operand(e, 0));
      case Op::Eq:
      case Op::Ne:
      case Op::StartsWith:
      case Op::EndsWith:
      case Op::StringContains:
      case Op::Has:
        return input_beside(e) != nullptr;
      case Op::Lt:
      case Op::Le:
      case Op::Gt:
      case Op::Ge: {
        const value::Value* constant = input_beside(e);
        return constant != nullptr && has_both_sides(*constant);
      }
      case Op::Intersects: {
        const value::Value* constant = input_beside(e);
        return constant != nullptr && constant->length > 0;
      }
      default:
        return false;
    }
  }

  /// The constant that stands with an input as the two operands; nullptr when they are something else.
  [[nodiscard]] const value::Value* input_beside(const ir::Expr& e) const {
    for (const uint32_t constant : {0U, 1U}) {
      const ExprId id = module_.operand(e, constant);
      if (is_constant(id) && is_input(module_.operand(e, 1 - constant))) {
        return &module_.consts[module_.expr(id).payload];
      }
    }
    return nullptr;
  }

  /// Are there smaller values and larger ones?
  static bool has_both_sides(const value::Value& constant) {
    switch (constant.kind) {
      case value::Kind::Int:
      case value::Kind::Time:
      case value::Kind::Duration:
        return constant.a.integer != INT64_MIN && constant.a.integer != INT64_MAX;
      default:
        return false;
    }
  }

  [[nodiscard]] bool is_input(ExprId id) const {
    const ir::Expr& e = module_.expr(id);
    return e.op == Op::Slot || (e.op == Op::Unwrap && is_input(module_.operand(e, 0)));
  }

  /// The fewest parts that cannot hold together, and where they stand.
  void report_never(uint32_t i) {
    const ir::Rule& rule = module_.rules[i];
    std::vector<ExprId> parts;
    rules_.parts(rule.condition, Op::And, parts);
    for (size_t at = 0; at < parts.size() && parts.size() > 1;) {
      FormulaId rest = rules_.meaning(i).target;
      for (size_t other = 0; other < parts.size(); ++other) {
        rest = other == at ? rest : formulas_.both(rest, rules_.symbolic().condition(parts[other]).yes);
      }
      if (solver_.ask(rest).kind == Answer::Kind::Impossible) {
        parts.erase(parts.begin() + static_cast<ptrdiff_t>(at));
      } else {
        ++at;
      }
    }
    auto& diagnostic = sink_.report(Kind::NeverMatches, module_.expr_spans[parts.back().index], {rule.name});
    parts.pop_back();
    for (const ExprId part : parts) {
      diagnostic.notes.push_back(
          {module_.expr_spans[part.index], "it would have to hold together with this"});
    }
    if (parts.empty()) {
      diagnostic.notes.push_back({rule.span, "rule `" + rule.name + "` is never applied"});
    }
  }

  // ---- rules that change nothing ----

  /// What another rule must be to take away the use of `rule`.
  enum class Cover : uint8_t { Denies, Same };

  [[nodiscard]] bool has_effect(const ir::Rule& rule, std::initializer_list<ir::EffectKind> kinds) const {
    return std::any_of(rule.effects.begin(), rule.effects.end(), [&](const ir::Effect& e) {
      return std::find(kinds.begin(), kinds.end(), e.kind) != kinds.end();
    });
  }

  [[nodiscard]] bool only_hides(const ir::Rule& rule) const {
    return rule.verdict == ir::VerdictKind::None && rule.effects.size() == 1 &&
           rule.effects.front().kind == ir::EffectKind::Hide && !rule.effects.front().target.valid();
  }

  [[nodiscard]] bool covers(uint32_t other, uint32_t i, Cover how) const {
    const ir::Rule& rule = module_.rules[i];
    const ir::Rule& by = module_.rules[other];
    if (other == i || by.hook != rule.hook) {
      return false;
    }
    if (how == Cover::Denies) {
      return by.verdict == ir::VerdictKind::Deny;
    }
    // The earlier of two rules is the one that answers are named after, and whose message they carry.
    return other < i && (only_hides(rule) ? only_hides(by) : by.verdict == rule.verdict);
  }

  void look_for_cover(uint32_t i, const Witness& first) {
    const ir::Rule& rule = module_.rules[i];
    // What a rule does when it fails is a use of its own.
    const bool speaks =
        has_effect(rule, {ir::EffectKind::Audit, ir::EffectKind::Tag}) || rule.on_error != ir::OnError::Usual;
    const bool acts = has_effect(rule, {ir::EffectKind::Hide, ir::EffectKind::Set, ir::EffectKind::Redact});
    if (!speaks && rule.verdict != ir::VerdictKind::Deny && !only_hides(rule) &&
        rule.hook != abi::Hook::ListTools && look_for_cover(i, first, Cover::Denies)) {
      return;
    }
    if (!speaks && ((rule.verdict != ir::VerdictKind::None && !acts) || only_hides(rule))) {
      look_for_cover(i, first, Cover::Same);
    }
  }

  /// Looks for a request that `i` decides and no rule of `how` does, trying each on the index to learn which
  /// rules stand in the way, until there is one or provably none.
  bool look_for_cover(uint32_t i, const Witness& first, Cover how) {
    std::vector<uint32_t> cover;
    Witness w = first;
    const std::string key = (how == Cover::Denies ? "free of denies " : "of use ") + digests_[i];
    if (const auto known = memory_.examples.find(key); known != memory_.examples.end()) {
      w = known->second;
    }
    for (uint32_t round = 0; round < options_.max_rounds; ++round) {
      const std::vector<uint32_t>& matched = probe_.matches(w);
      if (!contains(matched, i)) {
        w = first;  // an old example, or one that an opaque expression made impossible
        if (round > 0) {
          return false;
        }
        continue;
      }
      const size_t before = cover.size();
      for (const uint32_t other : matched) {
        if (covers(other, i, how) && std::find(cover.begin(), cover.end(), other) == cover.end()) {
          cover.push_back(other);
        }
      }
      if (cover.size() == before) {
        if (round > 0) {
          memory_.examples[key] = w;
        }
        return false;
      }
      Digest question;
      question.add(key);
      for (const uint32_t other : cover) {
        question.add(digests_[other]);
      }
      const auto proved = memory_.proofs.find(question.text());
      if (proved == memory_.proofs.end() || proved->second != Proof::Never) {
        const FormulaId free = escape(i, cover);
        const Witness base = rules_.base(module_.rules[i].hook, module_.rules[i].target);
        const auto is_free = [&](const Witness& tried) {
          const std::vector<uint32_t>& by = probe_.matches(tried);
          return contains(by, i) && std::none_of(cover.begin(), cover.end(),
                                                 [&](uint32_t other) { return contains(by, other); });
        };
        if (guessed({free}, base, is_free, &w)) {
          continue;
        }
        const Answer answer = ask(free);
        if (answer.kind == Answer::Kind::Unknown) {
          return false;
        }
        if (answer.kind == Answer::Kind::Possible) {
          w = make_witness(world_, answer.model, base);
          continue;
        }
        memory_.proofs[question.text()] = Proof::Never;
      }
      report_cover(i, fewest(i, std::move(cover)), how, first);
      return true;
    }
    return false;
  }

  /// Requests that rule `i` applies to and none of `cover`.
  FormulaId escape(uint32_t i, const std::vector<uint32_t>& cover) {
    std::vector<FormulaId> out = {rules_.meaning(i).target, rules_.meaning(i).holds};
    for (const uint32_t other : cover) {
      out.push_back(formulas_.negate(rules_.applies(other)));
    }
    return formulas_.all_of(out);
  }

  /// The rules of `cover` that are needed, the first ones kept.
  std::vector<uint32_t> fewest(uint32_t i, std::vector<uint32_t> cover) {
    std::sort(cover.begin(), cover.end());
    for (size_t at = cover.size(); at-- > 0 && cover.size() > 1;) {
      std::vector<uint32_t> less = cover;
      less.erase(less.begin() + static_cast<ptrdiff_t>(at));
      if (solver_.ask(escape(i, less)).kind == Answer::Kind::Impossible) {
        cover = std::move(less);
      }
    }
    return cover;
  }

  void report_cover(uint32_t i, const std::vector<uint32_t>& cover, Cover how, const Witness& w) {
    const ir::Rule& rule = module_.rules[i];
    std::string names;
    for (size_t at = 0; at < cover.size(); ++at) {
      names += (at == 0 ? "`" : ", `") + module_.rules[cover[at]].name + "`";
    }
    auto& diagnostic = sink_.report(how == Cover::Denies ? Kind::AlwaysDenied : Kind::CoveredRule, rule.span,
                                    {rule.name, names});
    for (const uint32_t other : cover) {
      diagnostic.notes.push_back(
          {module_.rules[other].span, how == Cover::Denies ? "this denies it" : "this decides it"});
    }
    diagnostic.notes.push_back({{}, "for example: " + w.to_text()});
  }

  const ir::Module& module_;
  diagnostics::Sink& sink_;
  Memory& memory_;
  const FindOptions& options_;
  Formulas formulas_;
  World world_;
  Rules rules_;
  Solver solver_;
  Probe probe_;
  std::vector<std::string> digests_;
  std::vector<std::optional<Witness>> examples_;
  std::set<uint32_t> looked_;
  bool too_hard_ = false;            // a question about the rule at hand
  std::vector<uint32_t> undecided_;  // rules
};

}  // namespace

void find(const std::shared_ptr<ir::Module>& module, const source::SourceMap& sources,
          diagnostics::Sink& sink, Memory& memory, const FindOptions& options) {
  Finder(module, sources, sink, memory, options).run();
}

}  // namespace catalyst::analysis
