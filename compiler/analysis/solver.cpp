#include "compiler/analysis/solver.h"

#include <time.h>
#include <z3++.h>

#include <algorithm>
#include <chrono>

#include "compiler/analysis/emitter.h"
#include "compiler/diagnostics/diagnostic.h"
#include "runtime/base/budget.h"

namespace catalyst::analysis {

struct Solver::Impl {
  explicit Impl(const World& w) : world(w) {}

  struct Usual {
    FormulaId formula;
    std::unique_ptr<FormulaScope> scope;
  };

  /// What World::ordinary says about the variables of `scope` and no others.
  void add_usual(const FormulaScope& scope, Emitter& emit, z3::expr_vector& out) {
    for (; read < world.ordinary.size(); ++read) {
      if (!known.insert(world.ordinary[read]).second) {
        continue;
      }
      auto own = std::make_unique<FormulaScope>(world);
      own->add(world.ordinary[read]);
      const uint64_t key = own->nodes.empty() ? numbers_key(*own) : own->nodes.rbegin()->index;
      by_key[key].push_back({world.ordinary[read], std::move(own)});
    }
    const auto add_all = [&](uint64_t key) {
      const auto found = by_key.find(key);
      if (found == by_key.end()) {
        return;
      }
      for (const Usual& usual : found->second) {
        if (subset(usual.scope->nodes, scope.nodes) && subset(usual.scope->numbers, scope.numbers) &&
            subset(usual.scope->texts, scope.texts) && subset(usual.scope->truths, scope.truths) &&
            subset(usual.scope->collections, scope.collections)) {
          out.push_back(emit.truth(usual.formula));
        }
      }
    };
    for (const NodeId node : scope.nodes) {
      add_all(node.index);
    }
    for (const NumVar number : scope.numbers) {
      add_all(kNumbers | number.index);
    }
    for (const BoolVar v : scope.truths) {
      if (world.truths()[v.index].usual != analysis::Usual::Either) {
        const z3::expr x = emit.truth(v);
        out.push_back(world.truths()[v.index].usual == analysis::Usual::True ? x : !x);
      }
    }
  }

  /// What World::always says about the variables of `scope` and no others.
  void add_always(const FormulaScope& scope, Emitter& emit, z3::solver& solver) const {
    for (const FormulaId formula : world.always) {
      FormulaScope own(world);
      own.add(formula);
      if (subset(own.numbers, scope.numbers)) {
        solver.add(emit.truth(formula));
      }
    }
  }

  /// Of one look at a question of that size.
  z3::params bounds(size_t size, const SolverOptions& options, int64_t began_ms);

  template <class T>
  static bool subset(const std::set<T>& inner, const std::set<T>& outer) {
    return std::includes(outer.begin(), outer.end(), inner.begin(), inner.end());
  }
  static uint64_t numbers_key(const FormulaScope& scope) {
    return scope.numbers.empty() ? UINT64_MAX : kNumbers | scope.numbers.rbegin()->index;
  }

  static constexpr uint64_t kNumbers = uint64_t{1} << 32;
  const World& world;
  z3::context context;
  size_t read = 0;  // of World::ordinary
  std::set<FormulaId> known;
  std::map<uint64_t, std::vector<Usual>> by_key;  // by the last node, or else number, that it speaks about
};

namespace {

/// Levels of a formula. It is walked recursively, and a level takes some hundred bytes of stack.
constexpr uint32_t kDepthMax = 10'000;

/// Between these is what Z3 may take for one look at a question.
constexpr int64_t kLeastMs = 50;
constexpr int64_t kMostMs = 3'600'000;

int64_t thread_cpu_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000 + now.tv_nsec / 1'000'000;
}

/// Digests of the opaque expressions whose variables are in `scope`.
std::vector<std::string> opaque_in(const World& world, const FormulaScope& scope) {
  std::set<std::string> out;
  const auto note = [&](const std::string& name) {
    if (name.starts_with("?")) {
      out.insert(name.substr(1, 32));
    }
  };
  for (const BoolVar v : scope.truths) {
    note(world.truths()[v.index].name);
  }
  for (const NumVar v : scope.numbers) {
    note(world.numbers()[v.index].name);
  }
  for (const TextVar v : scope.texts) {
    note(world.texts()[v.index].name);
  }
  for (const CollVar v : scope.collections) {
    note(world.collections()[v.index].name);
  }
  return {out.begin(), out.end()};
}

}  // namespace

Solver::Solver(const World& world, const SolverOptions& options)
    : world_(world), options_(options), began_ms_(thread_cpu_ms()), impl_(std::make_unique<Impl>(world)) {}

Solver::~Solver() = default;

std::string out_of_budget() { return "proving takes more than " + diagnostics::quantity(*Budget::current()); }

Answer Solver::ask(FormulaId formula, std::span<const FormulaId> fixed) {
  Answer out;
  if (world_.formulas.is_false(formula)) {
    out.kind = Answer::Kind::Impossible;
    return out;
  }
  if (world_.formulas.depth(formula) > kDepthMax) {
    out.gave_up = true;
    out.why = "the conditions are nested too deeply";
    return out;
  }
  if (Budget::spend(0)) {
    // What Z3 does is not ours to count, so it is timed.
    const auto began = std::chrono::steady_clock::now();
    out = put(formula, fixed);
    const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - began;
    Budget::spend(static_cast<uint64_t>(took.count()) / 10);
  }
  if (out.kind == Answer::Kind::Unknown && !Budget::spend(0)) {
    out.gave_up = true;
    out.why = out_of_budget();
  }
  return out;
}

z3::params Solver::Impl::bounds(size_t size, const SolverOptions& options, int64_t began_ms) {
  z3::params out(context);
  out.set("rlimit", options.effort);
  // The units do not see all that large questions cost, so these end with the time, too. For others a timer
  // would cost more than the answer.
  constexpr size_t kLarge = 2'000;
  if (const Budget* const budget = Budget::current(); budget != nullptr && size > kLarge) {
    const int64_t left = budget->limits().cpu_ms - (thread_cpu_ms() - began_ms);
    out.set("timeout", static_cast<unsigned>(std::clamp<int64_t>(left, kLeastMs, kMostMs)));
  }
  return out;
}

Answer Solver::put(FormulaId formula, std::span<const FormulaId> fixed) {
  Answer out;
  ++questions_;
  try {
    FormulaScope scope(world_);
    scope.add(formula);
    for (const FormulaId each : fixed) {
      scope.add(each);
    }
    Emitter emit(impl_->context, world_, scope);
    z3::solver solver(impl_->context, z3::solver::simple());
    emit.add_axioms(solver);
    impl_->add_always(scope, emit, solver);
    solver.add(emit.truth(formula));
    solver.set(impl_->bounds(emit.size(), options_, began_ms_));
    out.opaque = opaque_in(world_, scope);
    z3::expr_vector wanted(impl_->context);
    impl_->add_usual(scope, emit, wanted);
    z3::expr_vector all(impl_->context);
    for (const z3::expr& each : wanted) {
      all.push_back(each);
    }
    for (const FormulaId each : fixed) {
      all.push_back(emit.truth(each));
    }
    const auto attempt = [&](const z3::expr_vector& assumed) {
      solver.push();
      for (const z3::expr& each : assumed) {
        solver.add(each);
      }
      const z3::check_result result = solver.check();
      if (result == z3::sat) {
        out.kind = Answer::Kind::Possible;
        out.model = emit.read(solver.get_model());
      }
      solver.pop();
      return result;
    };
    if ((!fixed.empty() && attempt(all) == z3::sat) || attempt(wanted) == z3::sat) {
      out.usual = true;
      return out;
    }
    const z3::check_result last = attempt(z3::expr_vector(impl_->context));
    if (last == z3::unsat && emit.complete()) {
      out.kind = Answer::Kind::Impossible;
    } else if (last != z3::sat) {
      out.kind = Answer::Kind::Unknown;
      out.gave_up = emit.complete();
      out.why = emit.complete() ? "the solver gave up: " + solver.reason_unknown()
                                : "too many patterns or texts are compared with each other";
    }
  } catch (const z3::exception& problem) {
    out.kind = Answer::Kind::Unknown;
    out.gave_up = true;
    out.why = std::string("the solver failed: ") + problem.msg();
  }
  return out;
}

}  // namespace catalyst::analysis
