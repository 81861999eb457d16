#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "compiler/diagnostics/diagnostic.h"
#include "compiler/frontend/format.h"
#include "compiler/frontend/parse.h"
#include "server/commands/command.h"
#include "server/commands/sources.h"

namespace catalyst::server {
namespace {

struct Options {
  std::vector<std::string> files;
  bool check = false;
  bool json = false;
};

struct Formatted {
  std::string file;
  bool changed = false;
  std::string problem;  // rendered diagnostics; then the file stays as it is
};

Result<Formatted> format_one(const std::string& file, const Options& options) {
  Result<std::string> text = read_file(file);
  if (text.has_error()) {
    return text.error();
  }
  Formatted out{file == "-" ? "<stdin>" : file, false, {}};
  source::SourceMap sources;
  diagnostics::Sink sink;
  const source::FileId id = sources.add(out.file, *text);
  const ast::Ast tree = frontend::parse(sources, id, sink);
  if (sink.has_errors()) {
    for (const diagnostics::Diagnostic& diagnostic : sink.all()) {
      out.problem += diagnostics::render(sources, diagnostic, diagnostics::Color::Never) + "\n";
    }
    return out;
  }
  const std::string formatted = frontend::format(sources, tree);
  out.changed = formatted != *text;
  if (file == "-") {
    std::fputs(formatted.c_str(), stdout);
  } else if (out.changed && !options.check) {
    if (auto written = write_file(file, formatted); written.has_error()) {
      return written.error();
    }
  }
  return out;
}

Exit fmt(const Options& options) {
  const auto files = find_sources(options.files);
  if (files.has_error()) {
    print_error(files.error().message());
    return Exit::System;
  }
  nlohmann::ordered_json listed = nlohmann::json::array();
  bool findings = false;
  for (const std::string& file : *files) {
    const auto one = format_one(file, options);
    if (one.has_error()) {
      print_error(one.error().message());
      return Exit::System;
    }
    findings = findings || !one->problem.empty() || (options.check && one->changed);
    listed.push_back({{"file", one->file}, {"changed", one->changed}, {"problem", one->problem}});
    if (!options.json && !one->problem.empty()) {
      std::fprintf(stderr, "%s%s was left as it is\n", one->problem.c_str(), one->file.c_str());
    } else if (!options.json && one->changed && file != "-") {
      std::printf("%s %s\n", options.check ? "would change" : "formatted", one->file.c_str());
    }
  }
  if (options.json) {
    std::printf("%s\n", nlohmann::ordered_json{{"files", listed}}.dump(2).c_str());
  }
  return findings ? Exit::Findings : Exit::Ok;
}

}  // namespace

void add_fmt_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("fmt", "Lay out policy files the one way");
  command->add_option("files", options->files,
                      "policy files or folders, - for standard input; default: the working directory");
  command->add_flag("--check", options->check, "change nothing; exit 1 when a file would change");
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] { chosen = [options] { return fmt(*options); }; });
}

}  // namespace catalyst::server
