#pragma once

#include <string>
#include <vector>

#include "compiler/ir/ir.h"
#include "runtime/decision/engine.h"

namespace catalyst::server {

/// How one `test` block went.
struct TestOutcome {
  const ir::Test* test = nullptr;
  std::vector<std::string> failures;  // empty: passed; one text per expectation that did not hold
  [[nodiscard]] bool passed() const { return failures.empty(); }
};

/// Decides the test's request, or calls its decision, with `pack`, which must be built from the test's
/// module.
TestOutcome run_policy_test(const ir::Test& test, const decision::Pack& pack, decision::Evaluator& evaluator);

}  // namespace catalyst::server
