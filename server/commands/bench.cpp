#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "compiler/driver/compile.h"
#include "runtime/decision/engine.h"
#include "server/api/request_json.h"
#include "server/commands/command.h"
#include "server/commands/sources.h"
#include "server/commands/terminal.h"

namespace catalyst::server {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string request;
  double seconds = 0.5;
  bool json = false;
};

struct Tier {
  std::string name;
  std::shared_ptr<const decision::Pack> pack;
  bool reference = false;  // every rule in turn, in the interpreter
  double ns = 0;           // per decision
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Nanoseconds per decision: the best of five rounds, since everything that disturbs makes it slower.
double measure(const Tier& tier, const std::vector<std::unique_ptr<StoredRequest>>& requests,
               double seconds) {
  decision::Evaluator evaluator;
  double best = 1e18;
  for (int round = 0; round < 5; ++round) {
    const auto start = Clock::now();
    size_t decisions = 0;
    while (seconds_since(start) < seconds / 5) {
      for (const auto& request : requests) {
        if (tier.reference) {
          evaluator.evaluate_reference(*tier.pack, request->request());
        } else {
          evaluator.evaluate(*tier.pack, request->request());
        }
      }
      decisions += requests.size();
    }
    best = std::min(best, seconds_since(start) * 1e9 / static_cast<double>(decisions));
  }
  return best;
}

/// The requests of --request (one object, or a list), else those of the policy's own tests.
Result<std::vector<std::unique_ptr<StoredRequest>>> gather(const Options& options, const ir::Module& module,
                                                           const decision::Pack& pack) {
  std::vector<std::unique_ptr<StoredRequest>> out;
  const auto add = [&out](Result<std::unique_ptr<StoredRequest>> request) -> Result<void> {
    if (request.has_error()) {
      return request.error();
    }
    out.push_back(std::move(*request));
    return {};
  };
  if (options.request.empty()) {
    for (const ir::Test& test : module.tests) {
      if (auto added = add(StoredRequest::from_test(test, pack)); added.has_error()) {
        return added.error();
      }
    }
  } else {
    const auto text = read_file(options.request);
    if (text.has_error()) {
      return text.error();
    }
    const auto root = nlohmann::json::parse(*text, nullptr, false);
    for (const auto& one : root.is_array() ? root : nlohmann::json::array({root})) {
      if (auto added = add(StoredRequest::from_json(one.dump())); added.has_error()) {
        return added.error();
      }
    }
  }
  if (out.empty()) {
    return error("nothing to decide: the policy has no tests, and no --request was given");
  }
  return out;
}

void print(const Options& options, const std::vector<Tier>& tiers, size_t requests, size_t rules,
           double packed_ms, double native_ms) {
  if (options.json) {
    nlohmann::ordered_json out = {{"rules", rules},
                                  {"requests", requests},
                                  {"packed_compile_ms", packed_ms},
                                  {"native_compile_ms", native_ms}};
    for (const Tier& tier : tiers) {
      out["ns_per_decision"][tier.name] = tier.ns;
    }
    std::printf("%s\n", out.dump(2).c_str());
    return;
  }
  std::printf("%s, %s; compiled in %.1f ms (packed), %.1f ms (native)\n", counted(rules, "rule").c_str(),
              counted(requests, "request").c_str(), packed_ms, native_ms);
  for (const Tier& tier : tiers) {
    std::printf("  %-12s %10.0f ns/decision %12.0f decisions/s\n", tier.name.c_str(), tier.ns, 1e9 / tier.ns);
  }
}

Exit bench(const Options& options) {
  const auto files = find_sources(options.files);
  const auto analysis = files.has_error() ? Result<driver::Analysis>(files.error()) : analyze_files(*files);
  if (analysis.has_error()) {
    print_error(analysis.error().message());
    return Exit::System;
  }
  if (analysis->module == nullptr) {
    print_diagnostics(*analysis);
    return Exit::Findings;
  }
  std::vector<Tier> tiers;
  Progress progress("measuring", 5);
  auto start = Clock::now();
  tiers.push_back({"packed", std::make_shared<decision::Pack>(driver::compile_packed(*analysis))});
  const double packed_ms = seconds_since(start) * 1e3;
  const auto requests = gather(options, *analysis->module, *tiers.front().pack);
  if (requests.has_error()) {
    print_error(requests.error().message());
    return Exit::Findings;
  }
  tiers.push_back({"interpreter", tiers.front().pack, true});
  progress.advance();
  start = Clock::now();
  auto native = driver::compile_native(*analysis);
  const double native_ms = seconds_since(start) * 1e3;
  progress.advance();
  if (native.has_error()) {
    print_error(native.error().message());
  } else {
    tiers.push_back({"native", std::make_shared<decision::Pack>(native->unit)});
  }
  for (Tier& tier : tiers) {
    tier.ns = measure(tier, *requests, options.seconds);
    progress.advance();
  }
  print(options, tiers, requests->size(), analysis->module->rules.size(), packed_ms, native_ms);
  return native.has_error() ? Exit::System : Exit::Ok;
}

}  // namespace

void add_bench_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("bench", "Measure how long a policy takes to decide");
  command->add_option("files", options->files, "policy files or folders; default: the working directory");
  command->add_option("-r,--request", options->request,
                      "file with one request or a list (see eval); default: the policy's tests");
  command->add_option("--seconds", options->seconds, "how long to measure each tier")
      ->check(CLI::Range(0.05, 60.0));
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] { chosen = [options] { return bench(*options); }; });
}

}  // namespace catalyst::server
