#include "compiler/check/servers.h"

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

void check_server(Pack& pack, const ast::TargetPattern& target) {
  std::vector<std::string_view> candidates;
  for (const auto& server : pack.catalogue.servers()) {
    candidates.push_back(server->name);
  }
  auto& diagnostic = pack.sink.report(Kind::UnknownServer, target.span, {target.server});
  suggest_pattern(diagnostic, target.span, target.server, candidates, "", "." + target.tool);
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

/// Longer names of servers and tools do not exist (MCP allows 128); comparing patterns takes time with their
/// product.
constexpr size_t kMaxPatternBytes = 256;

/// False when it is not even worth keeping.
bool check_target(Pack& pack, const ast::TargetPattern& target) {
  if (target.server.size() > kMaxPatternBytes || target.tool.size() > kMaxPatternBytes) {
    pack.sink.report(Kind::InvalidTarget, target.span, {pack.quote(target.span)});
    return false;
  }
  if (pack.catalogue.empty()) {
    return true;
  }
  const Server* server = is_glob(target.server) ? nullptr : pack.catalogue.find(target.server);
  if (server == nullptr && !is_glob(target.server)) {
    check_server(pack, target);
    return true;
  }
  const ToolSet& found = pack.catalogue.match({{target.server, target.tool}});
  if (!found.members.empty() || found.open) {
    return true;
  }
  if (server != nullptr && !is_glob(target.tool)) {
    unknown_tool(pack, target, *server);
  } else {
    matches_nothing(pack, target);
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

std::vector<ir::TargetPattern> check_targets(Pack& pack, const std::vector<ast::TargetPattern>& targets) {
  std::vector<ir::TargetPattern> out;
  for (const ast::TargetPattern& target : targets) {
    if (check_target(pack, target)) {
      out.push_back({target.server, target.tool});
    }
  }
  return out;
}

}  // namespace catalyst::check
