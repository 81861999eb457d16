#include "compiler/check/servers.h"

#include <nlohmann/json.hpp>

namespace catalyst::check {
namespace {

using diagnostics::Kind;

bool is_glob(std::string_view text) { return text.find('*') != std::string_view::npos; }

void suggest_pattern(diagnostics::Diagnostic& diagnostic, const source::Span& span, std::string_view word,
                     const std::vector<std::string_view>& candidates, const std::string& before,
                     const std::string& after) {
  const std::string_view near = diagnostics::did_you_mean(word, candidates);
  if (!near.empty()) {
    const std::string text = before + std::string(near) + after;
    diagnostic.fixes.push_back({span, text, "did you mean `" + text + "`?"});
  }
}

void unknown_server(Pack& pack, abi::HookTarget form, const ast::TargetPattern& target) {
  std::vector<std::string_view> candidates;
  for (const auto& server : pack.catalogue.servers()) {
    candidates.push_back(server->name);
  }
  auto& diagnostic = pack.sink.report(Kind::UnknownServer, target.span, {target.server});
  if (form == abi::HookTarget::Tool || form == abi::HookTarget::Prompt) {
    suggest_pattern(diagnostic, target.span, target.server, candidates, "", "." + target.tool);
  } else if (const std::string_view near = diagnostics::did_you_mean(target.server, candidates);
             !near.empty()) {
    diagnostic.notes.push_back({{}, "did you mean `" + std::string(near) + "`?"});
  }
}

void unknown_tool(Pack& pack, const ast::TargetPattern& target, const Server& server) {
  std::vector<std::string_view> candidates;
  for (const Tool& tool : server.tools) {
    candidates.push_back(tool.name);
  }
  auto& diagnostic = pack.sink.report(Kind::UnknownTool, target.span, {target.tool, target.server});
  suggest_pattern(diagnostic, target.span, target.tool, candidates, target.server + ".", "");
}

void matches_nothing(Pack& pack, const ast::TargetPattern& target) {
  std::vector<std::string_view> candidates;
  for (const auto& server : pack.catalogue.servers()) {
    for (const Tool& tool : server->tools) {
      candidates.push_back(tool.name);
    }
  }
  const std::string shown = target.server + "." + target.tool;
  auto& diagnostic = pack.sink.report(Kind::TargetMatchesNothing, target.span, {shown});
  if (!is_glob(target.tool)) {
    suggest_pattern(diagnostic, target.span, target.tool, candidates, target.server + ".", "");
  }
}

/// Longer names of servers and tools do not exist (MCP allows 128), and uris that are told apart further
/// behind are not written by hand; comparing patterns takes time with their product.
constexpr size_t kMaxPatternBytes = 256;
constexpr size_t kMaxUriBytes = 1024;

void check_tools(Pack& pack, const ast::TargetPattern& target, const Server* server) {
  const ToolSet& found = pack.catalogue.match({{target.server, target.tool}});
  if (!found.members.empty() || found.open) {
    return;
  }
  if (server != nullptr && !is_glob(target.tool)) {
    unknown_tool(pack, target, *server);
  } else {
    matches_nothing(pack, target);
  }
}

/// Agents are known as soon as one is declared.
void check_agent(Pack& pack, const ast::TargetPattern& target) {
  std::vector<std::string_view> candidates;
  for (const ast::AgentDecl* agent : pack.names.agents) {
    if (glob_matches(target.server, agent->name.text)) {
      return;
    }
    candidates.push_back(agent->name.text);
  }
  if (!candidates.empty()) {
    suggest(pack.sink.report(Kind::UnknownAgent, target.span, {target.server}), target.span, target.server,
            candidates);
  }
}

/// False when the pattern is not even worth keeping.
bool check_target(Pack& pack, abi::HookTarget form, const ast::TargetPattern& target) {
  const size_t most = form == abi::HookTarget::Uri ? kMaxUriBytes : kMaxPatternBytes;
  if (target.server.size() > kMaxPatternBytes || target.tool.size() > most) {
    pack.sink.report(Kind::InvalidTarget, target.span, {pack.quote(target.span)});
    return false;
  }
  if (form == abi::HookTarget::Agent) {
    check_agent(pack, target);
    return true;
  }
  if (pack.catalogue.empty()) {
    return true;
  }
  const Server* server = is_glob(target.server) ? nullptr : pack.catalogue.find(target.server);
  const bool unknown = server == nullptr && !is_glob(target.server);
  switch (form) {
    case abi::HookTarget::Tool:
      if (unknown) {
        unknown_server(pack, form, target);
      } else {
        check_tools(pack, target, server);
      }
      return true;
    case abi::HookTarget::Prompt:
    case abi::HookTarget::Uri:
    case abi::HookTarget::Server:
      if (unknown) {
        unknown_server(pack, form, target);
      }
      return true;
    case abi::HookTarget::Agent:
    case abi::HookTarget::Event:
    case abi::HookTarget::None:
      return true;
  }
  return true;
}

}  // namespace

void load_servers(Pack& pack, const SchemaReader& read, SchemaCache* cache) {
  for (const ast::ServerDecl* decl : pack.names.servers) {
    Server server;
    server.name = decl->name.text;
    if (!decl->schema.text.empty()) {
      const std::optional<std::string> text = read(decl->span.file, decl->schema.text);
      if (!text) {
        pack.sink.report(Kind::SchemaNotFound, decl->schema.span, {decl->schema.text});
      } else {
        auto tools = import_tools(*text, server.name, pack.types, pack.enums, {}, cache);
        if (tools) {
          server.tools = std::move(*tools);
          server.has_schema = true;
        } else {
          pack.sink.report(Kind::SchemaInvalid, decl->schema.span,
                           {decl->schema.text, tools.error().message()});
        }
      }
    }
    pack.catalogue.add(std::move(server));
  }
}

void load_agents(Pack& pack, const SchemaReader& read) {
  for (const ast::AgentDecl* decl : pack.names.agents) {
    if (decl->card.text.empty()) {
      continue;
    }
    const std::optional<std::string> text = read(decl->span.file, decl->card.text);
    if (!text) {
      pack.sink.report(Kind::SchemaNotFound, decl->card.span, {decl->card.text});
      continue;
    }
    const auto card = nlohmann::json::parse(*text, nullptr, false);
    if (!card.is_object() || !card.contains("name") || !card["name"].is_string()) {
      pack.sink.report(Kind::SchemaInvalid, decl->card.span,
                       {decl->card.text, "an agent card is a JSON object with a `name`"});
    }
  }
}

std::vector<ir::TargetPattern> check_targets(Pack& pack, abi::Hook hook,
                                             const std::vector<ast::TargetPattern>& targets) {
  std::vector<ir::TargetPattern> out;
  for (const ast::TargetPattern& target : targets) {
    if (check_target(pack, abi::hook_info(hook).target, target)) {
      out.push_back({target.server, target.tool});
    }
  }
  return out;
}

const ToolSet& tools_of(Pack& pack, abi::Hook hook, const std::vector<ir::TargetPattern>& patterns) {
  static const ToolSet kNone{"", {}, false, types::TypeTable::kJson, types::TypeTable::kJson};
  return abi::hook_info(hook).target == abi::HookTarget::Tool ? pack.catalogue.match(patterns) : kNone;
}

}  // namespace catalyst::check
