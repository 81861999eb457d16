#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <memory>

#include "compiler/driver/compile.h"
#include "server/commands/command.h"
#include "server/commands/request_json.h"
#include "server/commands/sources.h"
#include "server/commands/verdict_json.h"

namespace catalyst::server {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string request = "-";
  bool native = false;
  bool json = false;
};

Exit eval(const Options& options) {
  const auto text = read_file(options.request);
  const auto files = find_sources(options.files);
  if (text.has_error() || files.has_error()) {
    print_error((text.has_error() ? text.error() : files.error()).message());
    return Exit::System;
  }
  const auto request = StoredRequest::from_json(*text);
  if (request.has_error()) {
    print_error(request.error().message());
    return Exit::Findings;
  }
  const auto analysis = analyze_files(*files);
  if (analysis.has_error()) {
    print_error(analysis.error().message());
    return Exit::System;
  }
  if (analysis->module == nullptr) {
    print_diagnostics(*analysis);
    return Exit::Findings;
  }
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
  const decision::Verdict& verdict = evaluator.evaluate(pack, (*request)->request());
  const std::string out = options.json ? verdict_json(verdict, pack) : verdict_text(verdict, pack);
  std::fputs(out.c_str(), stdout);
  return Exit::Ok;
}

}  // namespace

void add_eval_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("eval", "Decide one request that a JSON file describes");
  command->add_option("files", options->files, "policy files or folders; default: the working directory");
  command->add_option("-r,--request", options->request,
                      "file with the request, - for standard input (default)");
  command->add_flag("--native", options->native, "decide with native code instead of the packed form");
  command->add_flag("--json", options->json, kJsonHelp);
  command->footer(
      R"(A request: {"hook": "call", "server": "db", "tool": "drop_table", "args": {"table": "users"},
"principal": {"id": "eve", "roles": []}})");
  command->callback([options, &chosen] { chosen = [options] { return eval(*options); }; });
}

}  // namespace catalyst::server
