#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "compiler/driver/compile.h"
#include "compiler/driver/find.h"
#include "server/commands/bounds.h"
#include "server/commands/command.h"
#include "server/commands/coverage.h"
#include "server/commands/mutation_test.h"
#include "server/commands/policy_tests.h"
#include "server/commands/reports.h"
#include "server/commands/sources.h"
#include "server/commands/terminal.h"
#include "server/commands/watch.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::vector<std::string> files;
  std::string filter;
  std::string lcov;
  std::string junit;
  std::string sarif;
  double mutate_seconds = 60;
  Budget::Limits bounds;
  size_t fail_under = 0;
  bool coverage = false;
  bool mutate = false;
  bool watch = false;
  bool native = false;
  bool json = false;
};

/// Everything that one run of the tests found.
struct Run {
  std::vector<TestOutcome> outcomes;
  size_t failed = 0;
  double milliseconds = 0;
  std::optional<Coverage> coverage;
  std::optional<MutationReport> mutations;
  bool untried = false;  // mutations were asked for, and tests fail without them
};

std::string place_of(const driver::Analysis& analysis, const source::Span& span) {
  if (!span.valid()) {
    return "";
  }
  const source::LineColumn at = analysis.sources.position(span.file, span.begin);
  return std::string(analysis.sources.path(span.file)) + ":" + std::to_string(at.line);
}

void print_mutations(const driver::Analysis& analysis, const MutationReport& report) {
  for (const MutationReport::Survivor& survivor : report.survivors) {
    std::printf("  %s: no test notices when in %s %s %s\n", place_of(analysis, survivor.span).c_str(),
                std::string(survivor.owner).c_str(), survivor.name.c_str(), survivor.text.c_str());
  }
  std::printf("mutations: %zu of %zu edits noticed", report.tried - report.survivors.size(), report.tried);
  if (report.tried < report.edits) {
    std::printf(" (%zu more were not tried: --mutate-seconds)", report.edits - report.tried);
  }
  std::printf("\n");
}

/// The tests from `first` on that are cases of one test and all passed; 0 when they are not.
size_t passed_cases(const std::vector<TestOutcome>& outcomes, size_t first) {
  const ir::Test& test = *outcomes[first].test;
  if (!test.title.ends_with(')') || test.title.rfind(" (case ") == std::string::npos) {
    return 0;
  }
  size_t count = 0;
  for (size_t i = first; i < outcomes.size() && outcomes[i].test->span == test.span; ++i) {
    if (!outcomes[i].passed()) {
      return 0;
    }
    ++count;
  }
  return count;
}

void print_text(const driver::Analysis& analysis, const Run& run) {
  const bool color = use_color(STDOUT_FILENO);
  for (size_t i = 0; i < run.outcomes.size(); ++i) {
    const TestOutcome& outcome = run.outcomes[i];
    const std::string mark = outcome.passed() ? paint(color, "32", "ok  ") : paint(color, "31", "FAIL");
    if (const size_t cases = passed_cases(run.outcomes, i); cases > 0) {
      const std::string& title = outcome.test->title;
      std::printf("%s  %s (%zu cases)\n", mark.c_str(), title.substr(0, title.rfind(" (case ")).c_str(),
                  cases);
      i += cases - 1;
      continue;
    }
    std::printf("%s  %s\n", mark.c_str(), outcome.test->title.c_str());
    for (const std::string& failure : outcome.failures) {
      std::printf("      %s: %s\n", place_of(analysis, outcome.test->span).c_str(), failure.c_str());
    }
  }
  std::printf("%zu passed, %zu failed (%.0f ms)\n", run.outcomes.size() - run.failed, run.failed,
              run.milliseconds);
  if (run.coverage) {
    std::fputs(run.coverage->text().c_str(), stdout);
  }
  if (run.mutations) {
    print_mutations(analysis, *run.mutations);
  } else if (run.untried) {
    std::printf("mutations: none tried while tests fail\n");
  }
}

void print_json(const driver::Analysis& analysis, const Run& run) {
  Json root = {
      {"passed", run.outcomes.size() - run.failed}, {"failed", run.failed}, {"tests", Json::array()}};
  for (const TestOutcome& outcome : run.outcomes) {
    root["tests"].push_back({{"title", outcome.test->title},
                             {"place", place_of(analysis, outcome.test->span)},
                             {"passed", outcome.passed()},
                             {"failures", outcome.failures}});
  }
  if (run.coverage) {
    root["coverage"] = Json::parse(run.coverage->json(), nullptr, false);
  }
  if (run.mutations) {
    Json survivors = Json::array();
    for (const MutationReport::Survivor& survivor : run.mutations->survivors) {
      survivors.push_back({{"place", place_of(analysis, survivor.span)},
                           {survivor.owner, survivor.name},
                           {"edit", survivor.text}});
    }
    root["mutations"] = {
        {"edits", run.mutations->edits}, {"tried", run.mutations->tried}, {"survivors", survivors}};
  } else if (run.untried) {
    root["mutations"] = nullptr;
  }
  std::printf("%s\n", root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

Result<Run> run_tests(const Options& options, const driver::Analysis& analysis) {
  Run out;
  const auto start = std::chrono::steady_clock::now();
  auto unit = driver::compile_packed(analysis);
  if (options.native) {
    auto native = driver::compile_native(analysis);
    if (native.has_error()) {
      return native.error();
    }
    unit = std::move(native->unit);
  }
  const decision::Pack pack(unit);
  decision::Evaluator evaluator;
  if (options.coverage || !options.lcov.empty() || options.fail_under > 0) {
    out.coverage.emplace(analysis);
  }
  {
    Progress progress("testing", analysis.module->tests.size());
    for (const ir::Test& one : analysis.module->tests) {
      if (one.title.find(options.filter) != std::string::npos) {
        out.outcomes.push_back(run_policy_test(one, pack, evaluator));
        out.failed += out.outcomes.back().passed() ? 0 : 1;
        if (out.coverage) {
          out.coverage->add(one, pack);
        }
      }
      progress.advance();
    }
  }
  out.milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  out.untried = options.mutate && out.failed > 0;
  if (options.mutate && !out.untried) {
    out.mutations = test_mutations(analysis, {options.mutate_seconds});
  }
  return out;
}

Result<void> write_reports(const Options& options, const driver::Analysis& analysis, const Run& run) {
  if (!options.lcov.empty()) {
    if (auto written = write_file(options.lcov, run.coverage->lcov()); written.has_error()) {
      return written;
    }
  }
  if (!options.junit.empty()) {
    const std::string report = junit_report(analysis, run.outcomes, run.milliseconds / 1000);
    if (auto written = write_file(options.junit, report); written.has_error()) {
      return written;
    }
  }
  if (!options.sarif.empty()) {
    return write_file(options.sarif, sarif_report(analysis, run.outcomes));
  }
  return {};
}

Exit test_once(const Options& options) {
  const auto files = find_sources(options.files);
  auto analysis =
      files.has_error() ? Result<driver::Analysis>(files.error()) : analyze_files(*files, options.bounds);
  if (analysis.has_error()) {
    print_error(analysis.error().message());
    return Exit::System;
  }
  driver::add_proofs(*analysis, options.bounds);
  if (analysis->module == nullptr || analysis->diagnostics.has_errors()) {
    if (options.json) {
      std::printf("{\"passed\":0,\"failed\":0,\"diagnostics\":%s}\n", diagnostics_json(*analysis).c_str());
    } else {
      print_diagnostics(*analysis);
    }
    if (!options.sarif.empty()) {
      if (auto written = write_file(options.sarif, sarif_report(*analysis)); written.has_error()) {
        print_error(written.error().message());
      }
    }
    return Exit::Findings;
  }
  const Result<Run> run = run_tests(options, *analysis);
  if (run.has_error()) {
    print_error(run.error().message());
    return Exit::System;
  }
  if (run->outcomes.empty() && !options.filter.empty()) {
    print_error("no test has `" + options.filter + "` in its title");
  }
  if (options.json) {
    print_json(*analysis, *run);
  } else {
    print_text(*analysis, *run);
  }
  if (const auto written = write_reports(options, *analysis, *run); written.has_error()) {
    print_error(written.error().message());
    return Exit::System;
  }
  const bool noticed = !run->mutations || run->mutations->survivors.empty();
  if (options.fail_under > 0 && run->coverage->least_percent() < options.fail_under) {
    print_error("the tests cover " + std::to_string(run->coverage->least_percent()) + "%, wanted are " +
                std::to_string(options.fail_under) + "%");
    return Exit::Findings;
  }
  return run->failed == 0 && noticed ? Exit::Ok : Exit::Findings;
}

}  // namespace

void add_test_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("test", "Run the test blocks of a policy");
  command->add_option("files", options->files, "policy files or folders; default: the working directory");
  command->add_option("--filter", options->filter, "only tests whose title contains this text");
  command->add_flag("--coverage", options->coverage,
                    "say which rules, branches and rows of decisions no test reaches");
  command
      ->add_option("--fail-under", options->fail_under,
                   "exit with 1 when less than this percentage of rules, branches or rows is covered")
      ->check(CLI::Range(1, 100));
  command->add_option("--lcov", options->lcov, "write the coverage to this file, in the format of lcov");
  command->add_option("--junit", options->junit, "write a JUnit XML report to this file");
  command->add_option("--sarif", options->sarif, "write a SARIF 2.1.0 report to this file");
  command->add_flag(
      "--mutate", options->mutate,
      "edit rules, decisions, routes and functions in small ways and say which edits no test notices");
  command->add_option("--mutate-seconds", options->mutate_seconds, "time for --mutate; default 60");
  command->add_flag("--watch", options->watch, "run again whenever a policy file changes");
  command->add_flag("--native", options->native, "decide with native code instead of the packed form");
  add_bounds(*command, options->bounds);
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] {
    chosen = [options] {
      if (options->watch) {
        run_at_every_change(options->files, [&] { test_once(*options); });
      }
      return test_once(*options);
    };
  });
}

}  // namespace catalyst::server
