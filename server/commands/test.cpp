#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "compiler/driver/compile.h"
#include "server/commands/command.h"
#include "server/commands/policy_tests.h"
#include "server/commands/sources.h"
#include "server/commands/terminal.h"

namespace catalyst::server {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string filter;
  bool native = false;
  bool json = false;
};

std::string place_of(const driver::Analysis& analysis, const source::Span& span) {
  if (!span.valid()) {
    return "";
  }
  const source::LineColumn at = analysis.sources.position(span.file, span.begin);
  return std::string(analysis.sources.path(span.file)) + ":" + std::to_string(at.line);
}

void print_text(const driver::Analysis& analysis, const std::vector<TestOutcome>& outcomes, size_t failed,
                double milliseconds) {
  const bool color = use_color(STDOUT_FILENO);
  for (const TestOutcome& outcome : outcomes) {
    const std::string mark = outcome.passed() ? paint(color, "32", "ok  ") : paint(color, "31", "FAIL");
    std::printf("%s  %s\n", mark.c_str(), outcome.test->title.c_str());
    for (const std::string& failure : outcome.failures) {
      std::printf("      %s: %s\n", place_of(analysis, outcome.test->span).c_str(), failure.c_str());
    }
  }
  std::printf("%zu passed, %zu failed (%.0f ms)\n", outcomes.size() - failed, failed, milliseconds);
}

void print_json(const driver::Analysis& analysis, const std::vector<TestOutcome>& outcomes, size_t failed) {
  nlohmann::ordered_json root = {
      {"passed", outcomes.size() - failed}, {"failed", failed}, {"tests", nlohmann::json::array()}};
  for (const TestOutcome& outcome : outcomes) {
    root["tests"].push_back({{"title", outcome.test->title},
                             {"place", place_of(analysis, outcome.test->span)},
                             {"passed", outcome.passed()},
                             {"failures", outcome.failures}});
  }
  std::printf("%s\n", root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

Exit test(const Options& options) {
  const auto files = find_sources(options.files);
  const auto analysis = files.has_error() ? Result<driver::Analysis>(files.error()) : analyze_files(*files);
  if (analysis.has_error()) {
    print_error(analysis.error().message());
    return Exit::System;
  }
  if (analysis->module == nullptr) {
    if (options.json) {
      std::printf("{\"passed\":0,\"failed\":0,\"diagnostics\":%s}\n", diagnostics_json(*analysis).c_str());
    } else {
      print_diagnostics(*analysis);
    }
    return Exit::Findings;
  }
  const auto start = std::chrono::steady_clock::now();
  auto unit = driver::compile_packed(*analysis);
  if (options.native) {
    auto native = driver::compile_native(*analysis);
    if (native.has_error()) {
      print_error(native.error().message());
      return Exit::System;
    }
    unit = *native;
  }
  const decision::Pack pack(unit);
  decision::Evaluator evaluator;
  std::vector<TestOutcome> outcomes;
  size_t failed = 0;
  {
    Progress progress("testing", analysis->module->tests.size());
    for (const ir::Test& one : analysis->module->tests) {
      if (one.title.find(options.filter) != std::string::npos) {
        outcomes.push_back(run_policy_test(one, pack, evaluator));
        failed += outcomes.back().passed() ? 0 : 1;
      }
      progress.advance();
    }
  }
  const double ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (options.json) {
    print_json(*analysis, outcomes, failed);
  } else {
    print_text(*analysis, outcomes, failed, ms);
  }
  return failed == 0 ? Exit::Ok : Exit::Findings;
}

}  // namespace

void add_test_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("test", "Run the test blocks of a policy");
  command->add_option("files", options->files, "policy files or folders; default: the working directory");
  command->add_option("--filter", options->filter, "only tests whose title contains this text");
  command->add_flag("--native", options->native, "decide with native code instead of the packed form");
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] { chosen = [options] { return test(*options); }; });
}

}  // namespace catalyst::server
