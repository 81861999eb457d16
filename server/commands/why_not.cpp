#include "compiler/analysis/why_not.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/value/ops.h"
#include "server/api/request_json.h"
#include "server/commands/bounds.h"
#include "server/commands/command.h"
#include "server/commands/reasons.h"
#include "server/commands/sources.h"

namespace catalyst::server {
namespace {

using analysis::Wanted;
using analysis::WhyNot;
using Json = nlohmann::ordered_json;

struct Options {
  std::vector<std::string> files;
  std::string request = "-";
  std::string want = "allow";
  Budget::Limits bounds;
  bool json = false;
};

/// With what the request says of the windows that the policy has.
analysis::Witness witness_of(const decision::Request& request, const ir::Module& module) {
  analysis::Witness out;
  out.hook = request.hook;
  out.server = request.server;
  out.tool = request.tool;
  out.principal_id = request.principal->id;
  out.tenant = request.principal->tenant;
  out.roles.assign(request.principal->roles.begin(), request.principal->roles.end());
  out.risk = request.principal->risk;
  out.mfa = request.principal->mfa;
  out.claims = request.principal->claims;
  out.session_id = request.session_id;
  out.protocol = request.protocol_version;
  out.client_name = request.client_name;
  out.client_version = request.client_version;
  out.client_ip = request.client_ip;
  out.args = request.args.empty() ? "{}" : request.args;
  out.result = request.result;
  out.definition = request.definition;
  out.now_us = request.now_us;
  for (const ir::Window& window : module.windows) {
    abi::WindowInfo info;
    info.name = window.name;
    info.kind = window.kind;
    const value::Value said = request.windows->read(info, {}, request.now_us);
    if (said.kind != value::Kind::Invalid) {
      value::append_json(out.windows[window.name], said);
    }
  }
  return out;
}

std::string decided(const analysis::Decision& decision) {
  return std::string(decision.verdict()) + (decision.rule.empty() ? " by default" : " by " + decision.rule);
}

std::string place(const driver::Analysis& analysis, const source::Span& span) {
  if (!span.valid()) {
    return "";
  }
  const source::LineColumn at = analysis.sources.position(span.file, span.begin);
  return std::string(analysis.sources.path(span.file)) + ":" + std::to_string(at.line) + ":" +
         std::to_string(at.column);
}

void print_text(const WhyNot& answer, const driver::Analysis& analysis, const std::string& want) {
  std::printf("now: %s\n", decided(answer.now).c_str());
  if (answer.already) {
    return;
  }
  if (answer.proved_none) {
    std::printf("no request of this tool comes to %s (proved)\n", want.c_str());
  }
  for (const analysis::RequestChange& change : answer.requests) {
    std::printf("%s, with\n", decided(change.decision).c_str());
    for (const analysis::InputChange& input : change.inputs) {
      std::printf("  %s: %s instead of %s\n", input.path.c_str(), input.after.c_str(), input.before.c_str());
    }
  }
  const Sources sources = {{analysis.module.get(), &analysis.sources}};
  if (answer.requests.empty() && !answer.proved_none) {
    std::printf("no change of the request was found\n");
    for (const analysis::Search::Reason& reason : answer.reasons) {
      std::printf("  because %s\n", reason_text(reason, sources).c_str());
    }
  }
  for (const analysis::RuleChange& change : answer.rules) {
    std::printf("%s, if in rule %s (%s) %s\n", decided(change.decision).c_str(), change.rule.c_str(),
                place(analysis, change.mutation.span).c_str(), change.mutation.text.c_str());
  }
  if (!answer.not_in_time.empty()) {
    std::printf("not all was tried: %s\n", answer.not_in_time.c_str());
  }
}

void print_json(const WhyNot& answer, const driver::Analysis& analysis) {
  Json root = {{"now", {{"verdict", answer.now.verdict()}, {"rule", answer.now.rule}}},
               {"already", answer.already},
               {"proved_none", answer.proved_none},
               {"requests", Json::array()},
               {"rules", Json::array()},
               {"not_in_time", answer.not_in_time},
               {"open_because", Json::array()}};
  for (const analysis::RequestChange& change : answer.requests) {
    Json inputs = Json::array();
    for (const analysis::InputChange& input : change.inputs) {
      inputs.push_back({{"path", input.path}, {"before", input.before}, {"after", input.after}});
    }
    root["requests"].push_back({{"changes", inputs},
                                {"request", Json::parse(change.request.to_json(), nullptr, false)},
                                {"verdict", change.decision.verdict()},
                                {"rule", change.decision.rule}});
  }
  for (const analysis::RuleChange& change : answer.rules) {
    root["rules"].push_back({{"rule", change.rule},
                             {"place", place(analysis, change.mutation.span)},
                             {"edit", change.mutation.text},
                             {"verdict", change.decision.verdict()},
                             {"by", change.decision.rule}});
  }
  const Sources sources = {{analysis.module.get(), &analysis.sources}};
  for (const analysis::Search::Reason& reason : answer.reasons) {
    root["open_because"].push_back(reason_text(reason, sources));
  }
  std::printf("%s\n", root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

Exit why_not(const Options& options) {
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
  const auto analysis = analyze_files(*files, options.bounds);
  if (analysis.has_error()) {
    print_error(analysis.error().message());
    return Exit::System;
  }
  if (analysis->module == nullptr) {
    print_diagnostics(*analysis);
    return Exit::Findings;
  }
  const Budget bounds(options.bounds);
  const WhyNot answer = catalyst::analysis::why_not(analysis->module, analysis->sources,
                                                    witness_of((*request)->request(), *analysis->module),
                                                    options.want == "allow" ? Wanted::Allow : Wanted::Deny);
  if (options.json) {
    print_json(answer, *analysis);
  } else {
    print_text(answer, *analysis, options.want);
  }
  return answer.already || !answer.requests.empty() || !answer.rules.empty() ? Exit::Ok : Exit::Findings;
}

}  // namespace

void add_why_not_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "why-not", "The smallest change of a request, or of one rule, that leads to another verdict");
  command->add_option("files", options->files, "policy files or folders; default: the working directory");
  command->add_option("-r,--request", options->request,
                      "file with the request, - for standard input (default)");
  command->add_option("--want", options->want, "the verdict that is wanted: allow (default) or deny")
      ->check(CLI::IsMember({"allow", "deny"}));
  add_bounds(*command, options->bounds);
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] { chosen = [options] { return why_not(*options); }; });
}

}  // namespace catalyst::server
