#include "compiler/frontend/build_ast.h"

// Targets. The scanner joined the tokens of each; here its text is taken apart in the form that the hook
// wants.

namespace catalyst::frontend {

using abi::HookTarget;
using diagnostics::Kind;

namespace {

bool is_quoted(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' && text.find('"', 1) == text.size() - 1;
}

/// What stands in quotes; braces are doubled there as in every string.
std::string unquoted(std::string_view text) {
  std::string out;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    out += text[i];
    if ((text[i] == '{' || text[i] == '}') && text[i + 1] == text[i]) {
      ++i;
    }
  }
  return out;
}

struct Halves {
  std::string server;
  std::string thing;
};

/// `server.thing`, taken apart at the first dot outside of quotes.
std::optional<Halves> split_dotted(std::string_view text) {
  if (text == "*") {
    return Halves{"*", "*"};
  }
  Halves out;
  bool quoted = false;
  bool dotted = false;
  char previous = '.';
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '.' && !quoted && !dotted) {
      dotted = true;
    } else {
      (dotted ? out.thing : out.server) += c;
      const bool doubled = quoted && (c == '{' || c == '}') && i + 1 < text.size() && text[i + 1] == c;
      i += doubled ? 1 : 0;
    }
    if (!quoted && c == '.' && previous == '.') {
      return std::nullopt;
    }
    previous = c;
  }
  if (!dotted || out.server.empty() || out.thing.empty() || text.back() == '.') {
    return std::nullopt;
  }
  return out;
}

/// A lone name or glob: a server or an agent.
std::optional<std::string> lone_name(std::string_view text) {
  std::string out = is_quoted(text) ? unquoted(text) : std::string(text);
  const bool plain = is_quoted(text) || text.find_first_of(".\"") == std::string_view::npos;
  return plain && !out.empty() ? std::optional(std::move(out)) : std::nullopt;
}

std::string form_of(HookTarget target) {
  switch (target) {
    case HookTarget::Tool:
      return "a target is `SERVER.TOOL`; `*` stands for any run of characters";
    case HookTarget::Prompt:
      return "a target is `SERVER.PROMPT`; `*` stands for any run of characters";
    case HookTarget::Uri:
      return "a target is `\"URI\"`, `\"URI\" from SERVER` or `from SERVER`; `*` stands for any run of "
             "characters";
    case HookTarget::Server:
      return "a target is the name of a server; `*` stands for any run of characters";
    case HookTarget::Agent:
      return "a target is the name of an agent; `*` stands for any run of characters";
    case HookTarget::Event:
      return "a target is the name of an event in quotes; `*` stands for any run of characters";
    case HookTarget::None:
      return "this hook has no targets";
  }
  return {};
}

std::optional<ast::TargetPattern> read_target(HookTarget form, const std::string* main,
                                              const std::string* from) {
  ast::TargetPattern out;
  if (form != HookTarget::Uri && (from != nullptr || main == nullptr)) {
    return std::nullopt;
  }
  switch (form) {
    case HookTarget::Tool:
    case HookTarget::Prompt: {
      std::optional<Halves> halves = split_dotted(*main);
      if (!halves) {
        return std::nullopt;
      }
      out.server = std::move(halves->server);
      out.tool = std::move(halves->thing);
      return out;
    }
    case HookTarget::Uri: {
      const std::optional<std::string> server = from == nullptr ? std::optional("*") : lone_name(*from);
      if (!server || (main != nullptr && !is_quoted(*main))) {
        return std::nullopt;
      }
      out.server = *server;
      out.tool = main == nullptr ? "*" : unquoted(*main);
      return out;
    }
    case HookTarget::Server:
    case HookTarget::Agent: {
      const std::optional<std::string> name = lone_name(*main);
      if (!name) {
        return std::nullopt;
      }
      out.server = *name;
      out.tool = "*";
      return out;
    }
    case HookTarget::Event:
      if (!is_quoted(*main)) {
        return std::nullopt;
      }
      out.server = "*";
      out.tool = unquoted(*main);
      return out;
    case HookTarget::None:
      return std::nullopt;
  }
  return std::nullopt;
}

bool has_star(const std::string& text) { return text.find('*') != std::string::npos; }

/// A test names one thing: what its hook does not name is empty there, and nothing is a pattern.
bool make_one(HookTarget form, ast::TargetPattern& target) {
  if (form == HookTarget::Server || form == HookTarget::Agent) {
    target.tool.clear();
  } else if (form == HookTarget::Event) {
    target.server.clear();
  }
  return !has_star(target.server) && !has_star(target.tool);
}

}  // namespace

void Builder::targets(P::TargetsContext* in, abi::Hook hook, std::vector<ast::TargetPattern>& out) {
  if (in == nullptr) {
    return;
  }
  for (P::TargetContext* each : in->target()) {
    if (std::optional<ast::TargetPattern> pattern = target(each, hook, Asked::Pattern)) {
      out.push_back(std::move(*pattern));
    }
  }
}

std::optional<ast::TargetPattern> Builder::target(P::TargetContext* in, abi::Hook hook, Asked asked) {
  if (in->children.empty() || in->exception != nullptr) {
    return std::nullopt;
  }
  const HookTarget form = abi::hook_info(hook).target;
  std::string parts[2];
  const std::string* main = nullptr;
  const std::string* from = nullptr;
  for (antlr4::tree::TerminalNode* token : in->TARGET()) {
    const bool behind_from = in->FROM() != nullptr &&
                             token->getSymbol()->getStartIndex() > in->FROM()->getSymbol()->getStartIndex();
    std::string& text_of = parts[behind_from ? 1 : 0];
    text_of = text(span(token->getSymbol()));
    (behind_from ? from : main) = &text_of;
  }
  std::optional<ast::TargetPattern> out = read_target(form, main, from);
  const bool formed = out.has_value();
  if (formed && (asked == Asked::Pattern || make_one(form, *out))) {
    out->span = span(in);
    return out;
  }
  const std::string note = formed ? form == HookTarget::Uri && from == nullptr
                                        ? "a test names the server: `\"URI\" from SERVER`"
                                        : "a test names one " +
                                              std::string(form == HookTarget::Tool ? "tool" : "thing") +
                                              ", without `*`"
                                  : form_of(form);
  sink_.report(Kind::InvalidTarget, span(in), {text(span(in))}).notes.push_back({{}, note});
  return std::nullopt;
}

std::optional<ast::TargetPattern> Builder::one_target(P::TargetContext* in, const ast::Name& hook_name,
                                                      bool broken) {
  const abi::Hook hook = abi::find_hook(hook_name.text).value_or(abi::Hook::Call);
  if (in != nullptr) {
    return target(in, hook, Asked::One);
  }
  if (abi::hook_info(hook).target == HookTarget::None) {
    ast::TargetPattern out;
    out.span = hook_name.span;
    return out;
  }
  if (!broken) {
    sink_.report(Kind::InvalidTarget, hook_name.span, {hook_name.text})
        .notes.push_back({{}, form_of(abi::hook_info(hook).target)});
  }
  return std::nullopt;
}

}  // namespace catalyst::frontend
