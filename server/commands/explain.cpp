#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cctype>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "compiler/driver/compile.h"
#include "compiler/driver/library.h"
#include "runtime/decision/explain.h"
#include "server/api/request_json.h"
#include "server/api/verdict_json.h"
#include "server/commands/command.h"
#include "server/commands/sources.h"
#include "server/commands/terminal.h"

namespace catalyst::server {
namespace {

struct Options {
  std::vector<std::string> subjects;
  std::string request;
  bool json = false;
};

bool is_code(const std::string& text) {
  return text.size() == 5 && (text[0] == 'E' || text[0] == 'W' || text[0] == 'e' || text[0] == 'w') &&
         text.find_first_not_of("0123456789", 1) == std::string::npos;
}

/// The message without its particulars: `…` stands where a diagnostic says which.
std::string general_form(std::string_view form) {
  std::string text;
  for (size_t i = 0; i < form.size(); i++) {
    const bool particular = form[i] == '{' && i + 2 < form.size() && form[i + 2] == '}';
    text.append(particular ? std::string_view("…") : form.substr(i, 1));
    i += particular ? 2 : 0;
  }
  return text;
}

Exit explain_code(const Options& options) {
  std::string code = options.subjects.front();
  code[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(code[0])));
  const diagnostics::KindInfo* info = diagnostics::find_code(code);
  if (info == nullptr) {
    print_error("no diagnostic has the code " + code);
    return Exit::Findings;
  }
  if (options.json) {
    const nlohmann::ordered_json out = {
        {"code", info->code},
        {"name", info->name},
        {"severity", info->severity == diagnostics::Severity::Error ? "error" : "warning"},
        {"message", general_form(info->form)},
        {"explanation", info->explanation}};
    std::printf("%s\n", out.dump(2).c_str());
    return Exit::Ok;
  }
  const std::string title =
      paint(use_color(STDOUT_FILENO), "1", std::string(info->code) + ": " + general_form(info->form));
  std::printf("%s\n\n%.*s\n", title.c_str(), static_cast<int>(info->explanation.size()),
              info->explanation.data());
  return Exit::Ok;
}

Exit explain_decision(const Options& options) {
  const auto text = read_file(options.request);
  const auto files = find_sources(options.subjects);
  if (text.has_error() || files.has_error()) {
    print_error((text.has_error() ? text.error() : files.error()).message());
    return Exit::System;
  }
  const auto request = StoredRequest::from_json(*text);
  const auto analysis = analyze_files(*files);
  if (request.has_error() || analysis.has_error()) {
    print_error((request.has_error() ? request.error() : analysis.error()).message());
    return request.has_error() ? Exit::Findings : Exit::System;
  }
  if (analysis->module == nullptr) {
    print_diagnostics(*analysis);
    return Exit::Findings;
  }
  const decision::Pack pack(driver::compile_packed(*analysis));
  if (const std::string window = (*request)->unknown_window(pack); !window.empty()) {
    print_error("the policy has no window `" + window + "`; it is called as it is written there");
    return Exit::Findings;
  }
  const decision::Explanation explanation = decision::explain(pack, (*request)->request());
  const std::string out =
      options.json ? decision::to_json(explanation) + "\n" : decision::to_text(explanation);
  std::fputs(out.c_str(), stdout);
  return Exit::Ok;
}

Exit explain_library(const std::string& name, const std::string& help, bool json) {
  if (json) {
    std::printf("%s\n", nlohmann::ordered_json{{"name", name}, {"help", help}}.dump(2).c_str());
  } else {
    std::fputs(help.c_str(), stdout);
  }
  return Exit::Ok;
}

Exit explain(const Options& options) {
  if (options.request.empty() && options.subjects.size() == 1 && is_code(options.subjects.front())) {
    return explain_code(options);
  }
  if (options.request.empty() && options.subjects.size() == 1) {
    if (const std::string help = driver::library_help(options.subjects.front()); !help.empty()) {
      return explain_library(options.subjects.front(), help, options.json);
    }
  }
  if (options.request.empty()) {
    print_error(
        "name a diagnostic (catalyst explain E0402), something of the library (catalyst explain "
        "text.pad_left), "
        "or a policy and a request (catalyst explain policy.cata --request request.json)");
    return Exit::Usage;
  }
  return explain_decision(options);
}

}  // namespace

void add_explain_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "explain",
      "Explain a diagnostic (explain E0402), the library (explain text), or how a request is decided");
  command->add_option("subject", options->subjects,
                      "a diagnostic's code, a name of the library, or policy files or folders");
  command->add_option("-r,--request", options->request,
                      "file with the request to decide (see eval), - for standard input");
  command->add_flag("--json", options->json, kJsonHelp);
  command->callback([options, &chosen] { chosen = [options] { return explain(*options); }; });
}

}  // namespace catalyst::server
