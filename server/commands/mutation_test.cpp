#include "server/commands/mutation_test.h"

#include <algorithm>
#include <chrono>

#include "compiler/analysis/mutate.h"
#include "compiler/ir/unit_builder.h"
#include "runtime/decision/engine.h"
#include "server/commands/policy_tests.h"
#include "server/commands/terminal.h"

namespace catalyst::server {
namespace {

using catalyst::analysis::Mutant;
using catalyst::analysis::Mutation;

/// Is the test about what was edited? A route is for calls, and a function on its own is seen by claims.
bool is_about(const ir::Test& test, const ir::Module& module, const Mutation& mutation) {
  switch (mutation.owner) {
    case Mutation::Owner::Rule:
      return test.hook == module.rules[mutation.index].hook;
    case Mutation::Owner::Decision:
      return test.decision == module.decisions[mutation.index].name;
    case Mutation::Owner::Function:
      return !test.claims.empty();
    case Mutation::Owner::Route:
      break;
  }
  return test.hook == abi::Hook::Call;
}

/// Does a test fail? Those that are about what was edited are asked first.
bool is_noticed(const driver::Analysis& analysis, const Mutation& mutation) {
  const ir::Module& module = *analysis.module;
  const decision::Pack pack(ir::build_unit(analysis.module, analysis.sources));
  decision::Evaluator evaluator;
  for (const bool same : {true, false}) {
    for (const ir::Test& test : module.tests) {
      if (is_about(test, module, mutation) == same && !run_policy_test(test, pack, evaluator).passed()) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

MutationReport test_mutations(const driver::Analysis& analysis, const MutationOptions& options) {
  ir::Module& module = *analysis.module;
  const std::vector<Mutation> all = catalyst::analysis::mutations(module);
  MutationReport out;
  out.edits = all.size();
  const auto start = std::chrono::steady_clock::now();
  Progress progress("mutating", all.size());
  for (const Mutation& mutation : all) {
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > options.seconds) {
      break;
    }
    ++out.tried;
    const Mutant mutant(module, mutation);
    if (!is_noticed(analysis, mutation)) {
      out.survivors.push_back(
          {mutation.span, owner_text(mutation.owner), owner_name(module, mutation), mutation.text});
    }
    progress.advance();
  }
  return out;
}

}  // namespace catalyst::server
