#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <memory>

#include "compiler/driver/find.h"
#include "server/commands/bounds.h"
#include "server/commands/command.h"
#include "server/commands/reports.h"
#include "server/commands/sources.h"
#include "server/commands/watch.h"

namespace catalyst::server {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string sarif;
  Budget::Limits bounds;
  bool watch = false;
  bool json = false;
};

/// `memory`: what is known from looking before.
Exit check(const Options& options, catalyst::analysis::Memory& memory) {
  const auto files = find_sources(options.files);
  if (files.has_error()) {
    print_error(files.error().message());
    return Exit::System;
  }
  auto analysis = analyze_files(*files, options.bounds);
  if (analysis.has_error()) {
    print_error(analysis.error().message());
    return Exit::System;
  }
  driver::add_findings(*analysis, memory, options.bounds);
  if (!options.sarif.empty()) {
    if (const auto written = write_file(options.sarif, sarif_report(*analysis)); written.has_error()) {
      print_error(written.error().message());
      return Exit::System;
    }
  }
  const bool ok = analysis->module != nullptr && !analysis->diagnostics.has_errors();
  if (options.json) {
    const ir::Module* const module = analysis->module.get();
    const std::string counts = ok ? ",\"rules\":" + std::to_string(module->rules.size()) +
                                        ",\"tests\":" + std::to_string(module->tests.size())
                                  : "";
    std::printf("{\"ok\":%s,\"files\":%zu%s,\"errors\":%zu,\"diagnostics\":%s}\n", ok ? "true" : "false",
                files->size(), counts.c_str(), analysis->diagnostics.error_count(),
                diagnostics_json(*analysis).c_str());
  } else {
    print_diagnostics(*analysis);
    if (ok) {
      const ir::Module& module = *analysis->module;
      const std::string name =
          module.pack_name.empty() ? "" : module.pack_name + " " + module.pack_version + ", ";
      std::printf("ok: %s%s, %s\n", name.c_str(), counted(module.rules.size(), "rule").c_str(),
                  counted(module.tests.size(), "test").c_str());
    }
  }
  return ok ? Exit::Ok : Exit::Findings;
}

}  // namespace

void add_check_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("check", "Find the mistakes in policy files, without running anything");
  command->add_option("files", options->files, "policy files or folders; default: the working directory");
  command->add_option("--sarif", options->sarif, "write a SARIF 2.1.0 report to this file");
  command->add_flag("--watch", options->watch,
                    "check again whenever a policy file changes; proofs are kept, so that takes less");
  add_bounds(*command, options->bounds);
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] {
    chosen = [options] {
      catalyst::analysis::Memory memory;
      if (options->watch) {
        run_at_every_change(options->files, [&] { check(*options, memory); });
      }
      return check(*options, memory);
    };
  });
}

}  // namespace catalyst::server
