#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "compiler/driver/compile.h"
#include "compiler/driver/find.h"
#include "compiler/driver/packs.h"
#include "server/commands/bounds.h"
#include "server/commands/command.h"
#include "server/commands/pack_files.h"
#include "server/commands/policy_tests.h"
#include "server/commands/sources.h"
#include "server/version.h"

namespace catalyst::server {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> files;
  std::string output;
  std::optional<uint64_t> sequence;
  std::string native;  // the processor; empty: no native code
  Budget::Limits bounds;
  bool skip_tests = false;
  bool json = false;
};

/// The folder that all files have in common: paths in a pack start there, so that its place does not show.
fs::path common_folder(const std::vector<fs::path>& files) {
  fs::path common = files.front().parent_path();
  for (const fs::path& file : files) {
    while (!common.empty() && common != common.root_path() &&
           *file.lexically_relative(common).begin() == "..") {
      common = common.parent_path();
    }
  }
  return common;
}

Result<driver::PackSources> read_sources(const std::vector<std::string>& names, fs::path& root) {
  std::vector<fs::path> paths;
  for (const std::string& name : names) {
    if (name == "-") {
      return error("a pack is built from files, not from standard input");
    }
    paths.push_back(fs::absolute(name).lexically_normal());
  }
  root = common_folder(paths);
  driver::PackSources out;
  for (const fs::path& path : paths) {
    Result<std::string> text = read_file(path.string());
    if (text.has_error()) {
      return text.error();
    }
    if (driver::is_pack(*text)) {
      return error(path.string() + " is a pack already; build one from its sources");
    }
    out.files.push_back({path.lexically_relative(root).generic_string(), std::move(*text)});
  }
  out.compiler = kVersion;
  return out;
}

/// Titles of the tests that fail.
std::vector<std::string> failing_tests(const driver::Analysis& analysis) {
  const decision::Pack pack(driver::compile_packed(analysis));
  decision::Evaluator evaluator;
  std::vector<std::string> out;
  for (const ir::Test& test : analysis.module->tests) {
    if (!run_policy_test(test, pack, evaluator).passed()) {
      out.push_back(test.title);
    }
  }
  return out;
}

Exit report_mistakes(const driver::Analysis& analysis, bool json) {
  if (json) {
    std::printf("{\"ok\":false,\"diagnostics\":%s}\n", diagnostics_json(analysis).c_str());
  } else {
    print_diagnostics(analysis);
  }
  return Exit::Findings;
}

Exit report_failing(const std::vector<std::string>& titles, bool json) {
  if (json) {
    const nlohmann::ordered_json out = {{"ok", false}, {"failed_tests", titles}};
    std::printf("%s\n", out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return Exit::Findings;
  }
  for (const std::string& title : titles) {
    std::fprintf(stderr, "FAIL  %s\n", title.c_str());
  }
  print_error(
      "a pack whose tests fail is not built; `catalyst test` says more, --skip-tests builds it nevertheless");
  return Exit::Findings;
}

Exit build(const Options& options) {
  const auto names = find_sources(options.files);
  fs::path root;
  auto sources = names.has_error() ? Result<driver::PackSources>(names.error()) : read_sources(*names, root);
  if (sources.has_error()) {
    print_error(sources.error().message());
    return Exit::System;
  }
  sources->sequence = options.sequence;
  driver::AnalyzeOptions reading;
  reading.budget = options.bounds;
  reading.read_schema = [&root](const std::string& path) -> std::optional<std::string> {
    auto text = read_file((root / path).lexically_normal().string(), size_t{16} * 1024 * 1024);
    return text.has_error() ? std::nullopt : std::optional(std::move(*text));
  };
  reading.read_pack = [&root](const std::string& path) -> Result<std::vector<driver::SourceFile>> {
    auto files = driver::read_pack((root / path).lexically_normal().string());
    if (files.has_value()) {
      for (driver::SourceFile& file : *files) {
        file.path = fs::path(file.path).lexically_relative(root).generic_string();
      }
    }
    return files;
  };
  driver::PackBuild built = driver::build_pack(std::move(*sources), reading);
  if (!options.skip_tests) {
    driver::add_proofs(built.analysis, options.bounds);
  }
  if (built.analysis.diagnostics.has_errors()) {
    return report_mistakes(built.analysis, options.json);
  }
  if (!options.json) {
    print_diagnostics(built.analysis);
  }
  if (!options.skip_tests) {
    if (const auto failing = failing_tests(built.analysis); !failing.empty()) {
      return report_failing(failing, options.json);
    }
  }
  if (!options.native.empty()) {
    auto code = driver::native_part(built.analysis, options.native);
    if (code.has_error()) {
      print_error(code.error().message());
      return Exit::System;
    }
    built.input.native = std::move(*code);
    built.bytes = pack::build(built.input);
  }
  const auto opened = pack::open(built.bytes);
  if (opened.has_error()) {
    return refused(opened.error(), options.json);
  }
  const std::string output = options.output.empty()
                                 ? opened->manifest.name + "-" + opened->manifest.version + ".catpack"
                                 : options.output;
  if (const auto written = write_file(output, built.bytes); written.has_error()) {
    print_error(written.error().message());
    return Exit::System;
  }
  if (options.json) {
    nlohmann::ordered_json out = {{"ok", true}, {"file", output}, {"bytes", built.bytes.size()}};
    out.update(pack_json(*opened));
    std::printf("%s\n", out.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::printf("%s: %s, sequence %llu, %s, %zu bytes\n", output.c_str(), pack::title(*opened).c_str(),
                static_cast<unsigned long long>(opened->manifest.sequence),
                counted(opened->manifest.rules, "rule").c_str(), built.bytes.size());
  }
  return Exit::Ok;
}

}  // namespace

void add_build_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("build", "Check, test and pack a policy into one .catpack file");
  command->add_option("files", options->files, "policy files or folders; default: the working directory");
  command->add_option("-o,--output", options->output, "the pack; default NAME-VERSION.catpack");
  command->add_option(
      "--sequence", options->sequence,
      "number that must not decrease from release to release; default: follows from the version");
  command->add_flag(
      "--native{native}", options->native,
      "add native code: for this processor, or with --native=CPU for another by LLVM's name, such as "
      "x86-64-v3; used by this very build of Catalyst, where a trusted key signed the pack");
  command->add_flag("--skip-tests", options->skip_tests, "build although tests fail");
  add_bounds(*command, options->bounds);
  command->add_flag("--json", options->json, kJsonHelp);
  command->footer(
      "The same sources give the same bytes, wherever they are built. A pack stands wherever policy files "
      "may.");
  command->callback([options, &chosen] { chosen = [options] { return build(*options); }; });
}

}  // namespace catalyst::server
