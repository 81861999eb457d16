// What the tests of a pack decide, the same in every form a pack can run in: rule by rule in the reference
// interpreter, packed, native without and with optimisation, and native again after a reload unloaded the
// first code.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "compiler/driver/analyze.h"
#include "compiler/driver/compile.h"
#include "runtime/decision/apply.h"
#include "runtime/decision/caller.h"
#include "runtime/decision/engine.h"
#include "runtime/decision/explain.h"
#include "server/api/request_json.h"
#include "server/api/verdict_json.h"
#include "server/commands/policy_tests.h"
#include "tests/support/golden.h"

namespace catalyst {
namespace {

using testing::GoldenSource;

driver::Analysis analyze(const GoldenSource& golden) {
  driver::AnalyzeOptions options;
  options.read_schema = [](const std::string& path) -> std::optional<std::string> {
    return testing::read_file(testing::repository_path("tests/golden/run/" + path));
  };
  return driver::analyze({{golden.path, golden.text}}, options);
}

std::string diagnostics_of(const driver::Analysis& analysis) {
  std::string text;
  for (const diagnostics::Diagnostic& diagnostic : analysis.diagnostics.all()) {
    text += diagnostics::render(analysis.sources, diagnostic, diagnostics::Color::Never);
  }
  return text;
}

enum class Way { Indexed, Reference };

/// The route of a call with these arguments; a key as readable text.
std::string route_text(const decision::Request& request, const decision::Pack& pack, const std::string& args,
                       std::string_view named, decision::Evaluator& evaluator, Way way) {
  decision::Request sent = request;
  sent.args = args;
  const decision::RouteChoice* choice =
      way == Way::Indexed ? evaluator.route(pack, sent, named) : evaluator.route_reference(pack, sent, named);
  if (choice == nullptr) {
    return {};
  }
  std::string text = "  takes    " + choice->route->name;
  if (choice->preferred != decision::RouteChoice::kNone) {
    text += " to " + choice->route->targets[choice->preferred].server;
  }
  text += choice->hash ? " hash \"" + std::string(*choice->hash) + "\"" : "";
  for (const decision::RouteError& error : choice->errors) {
    text += " " + std::string(value::status_name(error.status)) + " at " + std::to_string(error.expr);
  }
  std::string key;
  for (const char c : choice->cache_key) {
    if (c >= ' ' && c <= '~') {
      key += c;
    } else if (!key.empty() && key.back() != '.') {
      key += '.';
    }
  }
  return text + (key.empty() ? "" : " key " + key) + "\n";
}

/// The verdict, and what it makes of the arguments or of the result.
std::string decide(const decision::Request& request, const decision::Pack& pack,
                   decision::Evaluator& evaluator, Way way) {
  const decision::Verdict& verdict =
      way == Way::Indexed ? evaluator.evaluate(pack, request) : evaluator.evaluate_reference(pack, request);
  std::string text = server::verdict_text(verdict, pack);
  // The arguments of a prompt are only a part of its params.
  if (!verdict.sets.empty() && request.hook != abi::Hook::Prompt) {
    const std::string_view asked = request.hook == abi::Hook::Call ? request.args : request.params;
    text += "  sent     " + decision::apply_sets(asked, verdict.sets) + "\n";
  }
  if (!verdict.redactions.empty() && !request.result.empty()) {
    text += "  returned " + decision::apply_redactions(request.result, pack, verdict.redactions) + "\n";
  }
  if (request.hook == abi::Hook::Call && verdict.outcome == decision::Outcome::Allow) {
    const std::string args = decision::apply_sets(request.args, verdict.sets);
    text += route_text(request, pack, args, verdict.route, evaluator, way);
  }
  return text;
}

/// Title, outcome of the expectations and verdict of every test, in order.
std::string decide_all(const ir::Module& module, const decision::Pack& pack, Way way) {
  decision::Evaluator evaluator;
  std::string text;
  for (const ir::Test& test : module.tests) {
    const server::TestOutcome outcome = server::run_policy_test(test, pack, evaluator);
    text += (outcome.passed() ? "ok " : "FAILED ") + test.title + "\n";
    for (const std::string& failure : outcome.failures) {
      text += "  " + failure + "\n";
    }
    if (!test.claims.empty()) {
      continue;
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
    const auto request = server::StoredRequest::from_test(test, pack);
    text += request.has_value() ? decide((*request)->request(), pack, evaluator, way)
                                : request.error().message() + "\n";
  }
  return text;
}

std::string run(const GoldenSource& golden) {
  const driver::Analysis analysis = analyze(golden);
  if (analysis.module == nullptr) {
    return diagnostics_of(analysis);
  }
  const auto packed = std::make_shared<const decision::Pack>(driver::compile_packed(analysis));
  const std::string expected = decide_all(*analysis.module, *packed, Way::Indexed);
  std::string differences;
  const auto compare = [&](const std::string& form, const std::string& actual) {
    differences += actual == expected ? "" : form + " answers otherwise:\n" + actual;
  };
  compare("the interpreter", decide_all(*analysis.module, *packed, Way::Reference));
  decision::Engine engine(packed);
  for (const auto& [form, opt_level] :
       {std::pair("native at O0", 0), std::pair("native at O2", 2), std::pair("native after a reload", 2)}) {
    const auto native = driver::compile_native(analysis, {.opt_level = opt_level});
    if (!native.has_value()) {
      return native.error().message();
    }
    engine.swap(std::make_shared<const decision::Pack>(native->unit));
    compare(form, decide_all(*analysis.module, *engine.current(), Way::Indexed));
  }
  return expected + differences;
}

/// Why each test is answered as it is, the same from packed and native units.
std::string explain(const GoldenSource& golden) {
  const driver::Analysis analysis = analyze(golden);
  if (analysis.module == nullptr) {
    return diagnostics_of(analysis);
  }
  const auto native = driver::compile_native(analysis);
  if (!native.has_value()) {
    return native.error().message();
  }
  const decision::Pack packed_pack(driver::compile_packed(analysis));
  const decision::Pack native_pack(native->unit);
  std::string text;
  for (const ir::Test& test : analysis.module->tests) {
    const auto request = server::StoredRequest::from_test(test, packed_pack);
    if (request.has_error()) {
      return request.error().message();
    }
    const std::string explained = to_text(decision::explain(packed_pack, (*request)->request()));
    text += test.title + "\n" + explained;
    if (to_text(decision::explain(native_pack, (*request)->request())) != explained) {
      text += "the native unit explains it otherwise\n";
    }
  }
  return text;
}

const bool kRegistered = testing::register_goldens({.name = "RunGolden",
                                                    .directory = "tests/golden/run",
                                                    .sections = {{"run", run}, {"explain", explain}},
                                                    .defaults = {"run"}});

}  // namespace
}  // namespace catalyst
