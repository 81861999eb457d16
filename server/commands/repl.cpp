#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>

#include "compiler/driver/compile.h"
#include "compiler/driver/packs.h"
#include "runtime/decision/explain.h"
#include "runtime/value/json_text.h"
#include "server/api/request_json.h"
#include "server/api/verdict_json.h"
#include "server/commands/command.h"
#include "server/commands/line_editor.h"
#include "server/commands/sources.h"
#include "server/commands/terminal.h"

// Expressions, facts and decisions of a policy, one line at a time. A line is checked together with the
// policy, as a fact that a rule on the hook and tool of the request uses: names, types and messages are those
// of rules.

namespace catalyst::server {
namespace {

constexpr std::string_view kFact = "repl__value";
constexpr std::string_view kInput = "input";  // what messages call the line
/// What stands in front of the line when it is checked, on a line of its own.
constexpr std::string_view kBefore = "fact repl__value =\n";

constexpr const char* kHelp =
    R"(an expression          its value: facts, functions, decisions, inputs of the request
:request FILE          take the request in FILE (see `catalyst eval --help`); without FILE, show it
:decide                decide the request
:explain EXPRESSION    its value, and what was evaluated on the way
:type EXPRESSION       its type
:names                 what the policy declares
:reload                read the policy again
:quit                  end (or end of input)
)";

struct Options {
  std::vector<std::string> files;
  std::string request;
  bool json = false;
};

/// A name of a target, in quotes.
std::string quoted(std::string_view name) { return "\"" + std::string(name.empty() ? "*" : name) + "\""; }

class Session {
 public:
  explicit Session(const Options& options) : options_(options), terminal_(isatty(STDIN_FILENO) == 1) {}

  Exit run() {
    if (!load()) {
      return sources_wrong_ ? Exit::Findings : Exit::System;
    }
    if (!options_.request.empty() && !take_request(options_.request)) {
      return Exit::System;
    }
    if (terminal_ && !options_.json) {
      std::printf("%s\n:help says what there is\n", summary().c_str());
    }
    LineEditor editor;
    while (!ended_) {
      const std::optional<std::string> line = editor.read(terminal_ ? "> " : "");
      if (!line) {
        break;
      }
      obey(whole(editor, *line));
      std::fflush(stdout);
    }
    // Who types sees what went wrong; a script must be told.
    return failed_ && !terminal_ ? Exit::Findings : Exit::Ok;
  }

 private:
  /// The line with those that follow it, as long as a bracket is open; an empty one ends that.
  std::string whole(LineEditor& editor, std::string line) const {
    while (has_open_bracket(line)) {
      const std::optional<std::string> more = editor.read(terminal_ ? "| " : "");
      if (!more || more->find_first_not_of(" \t\r") == std::string::npos) {
        break;
      }
      line += "\n" + *more;
    }
    return line;
  }

  static bool has_open_bracket(const std::string& line) {
    const driver::Analysis alone =
        driver::analyze({{std::string(kInput), std::string(kBefore) + expression_in(line) + "\n"}});
    const auto& all = alone.diagnostics.all();
    return std::any_of(all.begin(), all.end(), [](const diagnostics::Diagnostic& each) {
      return each.kind == diagnostics::Kind::UnclosedBracket;
    });
  }

  /// What stands behind `:explain` or `:type`, or the line itself.
  static std::string expression_in(const std::string& line) {
    const size_t begin = line.find_first_not_of(" \t\r");
    const bool is_command = begin != std::string::npos && line[begin] == ':';
    const size_t blank = is_command ? line.find_first_of(" \t\r", begin) : std::string::npos;
    return is_command ? (blank == std::string::npos ? "" : line.substr(blank)) : line;
  }

  void fail(const std::string& message) {
    failed_ = true;
    if (options_.json) {
      std::printf("{\"error\":%s}\n", value::json_string(message).c_str());
    } else {
      std::fprintf(stderr, "%s%s", message.c_str(), message.ends_with('\n') ? "" : "\n");
    }
  }

  void say(const std::string& text) {
    if (options_.json) {
      std::printf("{\"text\":%s}\n", value::json_string(text).c_str());
    } else {
      std::fputs(text.c_str(), stdout);
    }
  }

  /// Reads the policy; false, after messages, when it cannot be used, and what was loaded before stays.
  bool load() {
    const auto files = find_sources(options_.files);
    if (files.has_error()) {
      fail(files.error().message());
      return false;
    }
    std::vector<driver::SourceFile> sources;
    for (const std::string& file : *files) {
      Result<std::string> text = read_file(file);
      if (text.has_error()) {
        fail(text.error().message());
        return false;
      }
      if (driver::is_pack(*text)) {
        fail(file + " is a built pack; repl reads its sources");
        return false;
      }
      sources.push_back({file, std::move(*text)});
    }
    driver::Analysis analysis = driver::analyze(sources);
    sources_wrong_ = analysis.module == nullptr;
    if (sources_wrong_) {
      std::string text;
      for (const diagnostics::Diagnostic& each : analysis.diagnostics.all()) {
        text += render(analysis, each);
      }
      fail(text);
      return false;
    }
    sources_ = std::move(sources);
    pack_ = std::make_unique<decision::Pack>(driver::compile_packed(analysis));
    module_ = analysis.module;
    return true;
  }

  static std::string render(const driver::Analysis& analysis, const diagnostics::Diagnostic& diagnostic) {
    const auto color = use_color(STDERR_FILENO) ? diagnostics::Color::Always : diagnostics::Color::Never;
    source::SourceMap shown;
    for (uint32_t file = 0; file < analysis.sources.size(); ++file) {
      const source::FileId id(file);
      const bool input = analysis.sources.path(id) == kInput;
      shown.add(std::string(analysis.sources.path(id)),
                std::string(analysis.sources.text(id).substr(input ? kBefore.size() : 0)));
    }
    const auto move = [&](source::Span& span) {
      if (span.valid() && shown.path(span.file) == kInput) {
        const auto before = static_cast<uint32_t>(kBefore.size());
        span.begin -= std::min(span.begin, before);
        span.end -= std::min(span.end, before);
      }
    };
    diagnostics::Diagnostic out = diagnostic;
    move(out.span);
    std::for_each(out.notes.begin(), out.notes.end(), [&](diagnostics::Note& note) { move(note.span); });
    std::for_each(out.fixes.begin(), out.fixes.end(), [&](diagnostics::Fix& fix) { move(fix.span); });
    return diagnostics::render(shown, out, color) + "\n";
  }

  bool take_request(const std::string& file) {
    const auto text = read_file(file);
    if (text.has_error()) {
      fail(text.error().message());
      return false;
    }
    auto request = StoredRequest::from_json(*text);
    if (request.has_error()) {
      fail(request.error().message());
      return false;
    }
    request_ = std::move(*request);
    return true;
  }

  [[nodiscard]] decision::Request request() const {
    return request_ ? request_->request() : decision::Request();
  }

  [[nodiscard]] std::string request_text() const {
    if (!request_) {
      return "no request: call.* and other inputs are empty; :request FILE takes one\n";
    }
    const decision::Request current = request();
    return std::string(abi::hook_name(current.hook)) + " " + std::string(current.server) + "." +
           std::string(current.tool) + "\n";
  }

  [[nodiscard]] std::string summary() const {
    return std::string(pack_->name()) + " " + std::string(pack_->version()) + ": " +
           counted(module_->rules.size(), "rule") + ", " + counted(module_->decisions.size(), "decision");
  }

  void obey(const std::string& line) {
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos || line.compare(begin, 2, "//") == 0) {
      return;
    }
    const size_t last = line.find_last_not_of(" \t\r");
    const std::string_view said = std::string_view(line).substr(begin, last + 1 - begin);
    if (said == "help" || said == "quit" || said == "exit") {
      return command(said == "help" ? ":help" : ":quit", "");
    }
    if (line[begin] != ':') {
      return evaluate(line, Wanted::Value);
    }
    const size_t blank = line.find_first_of(" \t\r", begin);
    const std::string word = line.substr(begin, blank == std::string::npos ? blank : blank - begin);
    size_t rest = blank == std::string::npos ? std::string::npos : line.find_first_not_of(" \t\r", blank);
    const std::string argument =
        rest == std::string::npos ? "" : line.substr(rest, line.find_last_not_of(" \t\r") + 1 - rest);
    command(word, argument);
  }

  void command(const std::string& word, const std::string& argument) {
    if (word == ":quit" || word == ":q") {
      ended_ = true;
    } else if (word == ":help" || word == ":h") {
      say(kHelp);
    } else if (word == ":request") {
      if (argument.empty() || take_request(argument)) {
        say(request_text());
      }
    } else if (word == ":reload") {
      if (load()) {
        say(summary() + "\n");
      }
    } else if (word == ":names") {
      say(names());
    } else if (word == ":decide") {
      decide();
    } else if (word == ":explain" || word == ":type") {
      argument.empty() ? fail(word + " needs an expression")
                       : evaluate(argument, word == ":type" ? Wanted::Type : Wanted::Explanation);
    } else {
      fail("there is no " + word + "; :help says what there is");
    }
  }

  [[nodiscard]] std::string names() const {
    std::string out;
    const auto list = [&](const char* what, const auto& items) {
      constexpr size_t kWidth = 100;
      std::set<std::string> names;
      for (const auto& each : items) {
        names.insert(each.name);
      }
      out += names.empty() ? "" : what;
      size_t column = kWidth;
      for (const std::string& name : names) {
        const bool fits = column + 2 + name.size() <= kWidth;
        out += (fits ? ", " : &name == &*names.begin() ? "\n  " : ",\n  ") + name;
        column = (fits ? column : 0) + 2 + name.size();
      }
      out += names.empty() ? "" : "\n";
    };
    list("facts", module_->facts);
    list("functions and decisions", module_->functions);
    list("rules", module_->rules);
    return out;
  }

  void decide() {
    if (!request_) {
      return fail("no request to decide; :request FILE takes one");
    }
    decision::Evaluator evaluator;
    const decision::Verdict& verdict = evaluator.evaluate(*pack_, request());
    std::fputs((options_.json ? verdict_json(verdict, *pack_) : verdict_text(verdict, *pack_)).c_str(),
               stdout);
  }

  enum class Wanted : uint8_t { Value, Type, Explanation };

  /// The policy with the line as one more fact, and a rule that uses it where the request is.
  [[nodiscard]] driver::Analysis analyze(const std::string& line) const {
    const decision::Request current = request();
    std::vector<driver::SourceFile> sources = sources_;
    sources.push_back({std::string(kInput), std::string(kBefore) + line + "\n"});
    sources.push_back({"<request>", "rule repl__line\n  on " + std::string(abi::hook_name(current.hook)) +
                                        " " + quoted(current.server) + "." + quoted(current.tool) +
                                        "\n  when length([" + std::string(kFact) + "]) > 0\n  audit\n"});
    return driver::analyze(std::move(sources));
  }

  void evaluate(const std::string& line, Wanted wanted) {
    const driver::Analysis analysis = analyze(line);
    if (analysis.module == nullptr) {
      return fail(mistakes(analysis));
    }
    for (const ir::Fact& fact : analysis.module->facts) {
      if (fact.name == kFact) {
        return show(line, analysis, fact.value, wanted);
      }
    }
    fail("this line is no expression");
  }

  /// What is wrong with the line; the policy was right without it.
  static std::string mistakes(const driver::Analysis& analysis) {
    std::string of_line;
    std::string others;
    for (const diagnostics::Diagnostic& each : analysis.diagnostics.all()) {
      const bool about_line = each.span.valid() && analysis.sources.path(each.span.file) == kInput;
      if (diagnostics::info(each.kind).severity == diagnostics::Severity::Error) {
        (about_line ? of_line : others) += render(analysis, each);
      }
    }
    return of_line.empty() ? others : of_line;
  }

  void show(const std::string& line, const driver::Analysis& analysis, ir::ExprId expr, Wanted wanted) {
    const std::string type = analysis.module->types.text(analysis.module->expr(expr).type);
    if (wanted == Wanted::Type) {
      return say(type + "\n");
    }
    const decision::Pack pack(driver::compile_packed(analysis));
    decision::ExplainedValue value = decision::explain_value(pack, request(), expr.index);
    const std::vector<std::string> files = decision::file_names(pack);
    for (decision::ExplainedCondition& each : value.conditions) {
      each.place.line -= files[each.place.file] == kInput ? 1 : 0;  // of kBefore
    }
    if (options_.json) {
      std::string out = "{\"input\":" + value::json_string(line) + ",\"type\":" + value::json_string(type);
      out += value.status == value::Status::Ok
                 ? ",\"value\":" + value.json
                 : ",\"error\":" + value::json_string(value::status_name(value.status));
      if (wanted == Wanted::Explanation) {
        out += ",\"conditions\":" + decision::conditions_json(value.conditions, files);
      }
      std::printf("%s}\n", out.c_str());
    } else if (value.status == value::Status::Ok) {
      std::printf("%s : %s\n", value.json.c_str(), type.c_str());
    }
    if (wanted == Wanted::Explanation && !options_.json) {
      std::fputs(decision::conditions_text(value.conditions, files).c_str(), stdout);
    }
    if (value.status != value::Status::Ok) {
      failed_ = true;
      if (!options_.json) {
        std::fprintf(stderr, "fails with %s\n", std::string(value::status_name(value.status)).c_str());
      }
    }
  }

  const Options& options_;
  const bool terminal_;
  bool ended_ = false;
  bool failed_ = false;
  bool sources_wrong_ = false;
  std::vector<driver::SourceFile> sources_;
  std::shared_ptr<ir::Module> module_;
  std::unique_ptr<decision::Pack> pack_;
  std::unique_ptr<StoredRequest> request_;
};

}  // namespace

void add_repl_command(CLI::App& app, Action& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("repl", "Evaluate expressions, facts and decisions line by line");
  command->add_option("files", options->files, "policy files or folders; default: the working directory");
  command->add_option("-r,--request", options->request,
                      "file with the request whose inputs expressions read");
  command->add_flag("--json", options->json, "answer each line with one JSON document");
  command->footer(kHelp);
  command->callback([options, &chosen] { chosen = [options] { return Session(*options).run(); }; });
}

}  // namespace catalyst::server
