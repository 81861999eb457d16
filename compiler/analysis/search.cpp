#include "compiler/analysis/search.h"

namespace catalyst::analysis {
namespace {

/// Another choice for the truths of opaque expressions than `model` made.
FormulaId other_choice(const World& world, const Model& model) {
  Formulas& f = world.formulas;
  FormulaId same = f.truth(true);
  for (const auto& [v, value] : model.truths) {
    if (world.truths()[v.index].name.starts_with("?")) {
      same = f.both(same, value ? f.variable(v) : f.negate(f.variable(v)));
    }
  }
  return f.negate(same);
}

}  // namespace

std::vector<Search::Reason> reasons_of(const World& world, const std::vector<std::string>& opaque) {
  std::vector<Search::Reason> out;
  for (const std::string& digest : opaque) {
    const auto found = world.opaque.find(digest);
    if (found != world.opaque.end()) {
      out.push_back({found->second.span, found->second.module, found->second.what + " is not followed"});
    }
  }
  return out;
}

Search search(const World& world, Solver& solver, FormulaId question, const Witness& base,
              const std::function<std::optional<FormulaId>(const Witness&)>& shows,
              const SearchOptions& options) {
  Formulas& f = world.formulas;
  Search out;
  bool guessed = false;  // the question was narrowed by something that need not hold
  for (uint32_t round = 0; round < options.max_rounds; ++round) {
    const Answer answer = solver.ask(question);
    if (answer.kind == Answer::Kind::Impossible) {
      if (!guessed) {
        out.state = Search::State::Proved;
      }
      return out;
    }
    if (answer.kind == Answer::Kind::Unknown) {
      out.reasons = reasons_of(world, answer.opaque);
      out.reasons.push_back({{}, nullptr, answer.why});
      return out;
    }
    out.witness = make_witness(world, answer.model, base);
    const std::optional<FormulaId> missing = shows(out.witness);
    if (!missing) {
      out.state = Search::State::Found;
      return out;
    }
    if (!f.is_true(*missing)) {
      question = f.both(question, *missing);
      continue;
    }
    out.reasons = reasons_of(world, answer.opaque);
    if (out.reasons.empty()) {
      out.reasons.push_back(
          {{}, nullptr, "the example that was found, " + out.witness.to_text() + ", is decided otherwise"});
      return out;
    }
    const FormulaId other = other_choice(world, answer.model);
    if (f.is_false(other)) {
      return out;
    }
    question = f.both(question, other);
    guessed = true;
  }
  return out;
}

}  // namespace catalyst::analysis
