// What the tests of a pack decide, the same in every form a pack can run in: packed with the interpreter,
// native without and with optimisation, and native again after the first code was unloaded.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "compiler/driver/analyze.h"
#include "compiler/driver/compile.h"
#include "runtime/decision/caller.h"
#include "runtime/decision/engine.h"
#include "server/commands/policy_tests.h"
#include "server/commands/request_json.h"
#include "server/commands/verdict_json.h"
#include "tests/support/golden.h"

namespace catalyst {
namespace {

using testing::GoldenSource;

/// Title, outcome of the expectations and verdict of every test, in order.
std::string decide_all(const ir::Module& module, std::shared_ptr<const abi::Unit> unit) {
  const decision::Pack pack(std::move(unit));
  decision::Evaluator evaluator;
  std::string text;
  for (const ir::Test& test : module.tests) {
    const server::TestOutcome outcome = server::run_policy_test(test, pack, evaluator);
    text += (outcome.passed() ? "ok " : "FAILED ") + test.title + "\n";
    for (const std::string& failure : outcome.failures) {
      text += "  " + failure + "\n";
    }
    if (!test.decision.empty()) {
      const auto decision = decision::find_decision(pack, test.decision);
      const decision::CallResult result =
          decision::Caller().call(pack, *decision, test.args, decision::Explain::Yes);
      text += (result.status == value::Status::Ok ? result.json
                                                  : std::string(value::status_name(result.status))) +
              " " + decision::explanation_text(pack, result);
      continue;
    }
    const auto request = server::StoredRequest::from_test(test);
    text += request.has_value() ? server::verdict_text(evaluator.evaluate(pack, (*request)->request()), pack)
                                : request.error().message() + "\n";
  }
  return text;
}

std::string run(const GoldenSource& golden) {
  driver::AnalyzeOptions options;
  options.read_schema = [](const std::string& path) -> std::optional<std::string> {
    return testing::read_file(testing::repository_path("tests/golden/run/" + path));
  };
  const driver::Analysis analysis = driver::analyze({{golden.path, golden.text}}, options);
  if (analysis.module == nullptr) {
    std::string text;
    for (const diagnostics::Diagnostic& diagnostic : analysis.diagnostics.all()) {
      text += diagnostics::render(analysis.sources, diagnostic, diagnostics::Color::Never);
    }
    return text;
  }
  const std::string expected = decide_all(*analysis.module, driver::compile_packed(analysis));
  std::string differences;
  for (const int opt_level : {0, 2, 2}) {
    const auto native = driver::compile_native(analysis, {.opt_level = opt_level});
    if (!native.has_value()) {
      return native.error().message();
    }
    const std::string actual = decide_all(*analysis.module, *native);
    if (actual != expected) {
      differences += "native at O" + std::to_string(opt_level) + " answers otherwise:\n" + actual;
    }
  }
  return expected + differences;
}

const bool kRegistered = testing::register_goldens(
    {.name = "RunGolden", .directory = "tests/golden/run", .sections = {{"run", run}}, .defaults = {"run"}});

}  // namespace
}  // namespace catalyst
