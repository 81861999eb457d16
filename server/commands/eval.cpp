#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <memory>

#include "compiler/driver/compile.h"
#include "runtime/decision/caller.h"
#include "runtime/decision/explain.h"
#include "server/api/request_json.h"
#include "server/api/verdict_json.h"
#include "server/commands/call_text.h"
#include "server/commands/command.h"
#include "server/commands/sources.h"

namespace catalyst::server {
namespace {

struct Options {
  std::vector<std::string> files;
  std::string request = "-";
  std::string decision;
  std::string arguments = "{}";
  bool explain = false;
  bool native = false;
  bool json = false;
};

/// The pack of the files; nothing, and `exit` set, after a message.
std::unique_ptr<decision::Pack> load(const Options& options, Exit& exit) {
  const auto files = find_sources(options.files);
  if (files.has_error()) {
    print_error(files.error().message());
    exit = Exit::System;
    return nullptr;
  }
  const auto analysis = analyze_files(*files);
  if (analysis.has_error()) {
    print_error(analysis.error().message());
    exit = Exit::System;
    return nullptr;
  }
  if (analysis->module == nullptr) {
    print_diagnostics(*analysis);
    exit = Exit::Findings;
    return nullptr;
  }
  if (!options.native) {
    return std::make_unique<decision::Pack>(driver::compile_packed(*analysis));
  }
  auto native = driver::compile_native(*analysis);
  if (native.has_error()) {
    print_error(native.error().message());
    exit = Exit::System;
    return nullptr;
  }
  return std::make_unique<decision::Pack>(native->unit);
}

Exit unknown_decision(const std::string& name, const decision::Pack& pack) {
  std::vector<std::string_view> names;
  for (const abi::DecisionInfo& each : pack.unit().decisions) {
    names.push_back(each.name);
  }
  const std::string_view near = diagnostics::did_you_mean(name, names);
  std::string hint = near.empty() ? "; there is none" : "; did you mean " + std::string(near) + "?";
  if (near.empty() && !names.empty()) {
    hint = "; there are:";
    for (const std::string_view each : names) {
      hint += " " + std::string(each);
    }
  }
  print_error("the policy has no decision " + name + hint);
  return Exit::Findings;
}

Exit call(const Options& options) {
  std::string arguments = options.arguments;
  if (arguments.starts_with('@') || arguments == "-") {
    const auto text = read_file(arguments == "-" ? arguments : arguments.substr(1));
    if (text.has_error()) {
      print_error(text.error().message());
      return Exit::System;
    }
    arguments = *text;
  }
  Exit exit = Exit::Ok;
  const auto pack = load(options, exit);
  if (pack == nullptr) {
    return exit;
  }
  const std::optional<uint32_t> found = decision::find_decision(*pack, options.decision);
  if (!found) {
    return unknown_decision(options.decision, *pack);
  }
  const auto explain = options.explain ? decision::Explain::Yes : decision::Explain::No;
  const decision::CallResult result = decision::Caller().call(*pack, *found, arguments, explain);
  const std::string out = options.json ? call_json(options.decision, result, *pack, explain)
                                       : call_text(options.decision, result, *pack, explain);
  const bool decided = result.outcome == decision::CallResult::Outcome::Decided;
  std::fputs(out.c_str(), decided || options.json ? stdout : stderr);
  return decided ? Exit::Ok : Exit::Findings;
}

Exit eval(const Options& options) {
  const auto text = read_file(options.request);
  if (text.has_error()) {
    print_error(text.error().message());
    return Exit::System;
  }
  const auto request = StoredRequest::from_json(*text);
  if (request.has_error()) {
    print_error(request.error().message());
    return Exit::Findings;
  }
  Exit exit = Exit::Ok;
  const auto loaded = load(options, exit);
  if (loaded == nullptr) {
    return exit;
  }
  const decision::Pack& pack = *loaded;
  if (const std::string window = (*request)->unknown_window(pack); !window.empty()) {
    print_error("the policy has no window `" + window + "`; it is called as it is written there");
    return Exit::Findings;
  }
  if (options.explain) {
    const decision::Explanation explained = decision::explain(pack, (*request)->request());
    const std::string out = options.json ? to_json(explained) + "\n" : to_text(explained);
    std::fputs(out.c_str(), stdout);
    return Exit::Ok;
  }
  decision::Evaluator evaluator;
  const decision::Verdict& verdict = evaluator.evaluate(pack, (*request)->request());
  const std::string out = options.json ? verdict_json(verdict, pack) : verdict_text(verdict, pack);
  std::fputs(out.c_str(), stdout);
  return Exit::Ok;
}

}  // namespace

void add_eval_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("eval", "Decide one request that a JSON file describes, or call a decision");
  command->add_option("files", options->files, "policy files or folders; default: the working directory");
  command->add_option("-r,--request", options->request,
                      "file with the request, - for standard input (default)");
  auto* decision = command->add_option("-d,--decision", options->decision,
                                       "call this decision instead of deciding a request");
  command
      ->add_option("-a,--args", options->arguments, "its arguments as a JSON object; @FILE or - reads them")
      ->needs(decision);
  command->add_flag("--explain", options->explain,
                    "say which rules or rows decided, what was evaluated, and which route a call takes");
  command->add_flag("--native", options->native, "decide with native code instead of the packed form");
  command->add_flag("--json", options->json, kJsonHelp);
  command->footer(
      R"(A request: {"hook": "call", "server": "db", "tool": "drop_table", "args": {"table": "users"},
"principal": {"id": "eve", "roles": []}})");
  command->callback([options, &chosen] {
    chosen = [options] { return options->decision.empty() ? eval(*options) : call(*options); };
  });
}

}  // namespace catalyst::server
