#include "compiler/check/route_tools.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace catalyst::check {

using ast::RouteClauseKind;
using diagnostics::Kind;

namespace {

/// A hint of the tool's annotations (MCP, ToolAnnotations); what is not said is not so.
bool says(const Tool& tool, const char* hint) {
  if (tool.source == nullptr) {
    return false;
  }
  const auto annotations = tool.source->find("annotations");
  if (annotations == tool.source->end() || !annotations->is_object()) {
    return false;
  }
  const auto found = annotations->find(hint);
  return found != annotations->end() && found->is_boolean() && found->get<bool>();
}

const ast::RouteClause* find(const ast::RouteDecl& route, RouteClauseKind kind) {
  const auto found = std::find_if(route.clauses.begin(), route.clauses.end(),
                                  [&](const ast::RouteClause& clause) { return clause.kind == kind; });
  return found == route.clauses.end() ? nullptr : &*found;
}

}  // namespace

void check_route_tools(Pack& pack, const ast::RouteDecl& route, const ToolSet& tools, bool repeatable) {
  const bool bears =
      repeatable || tools.open || tools.members.empty() ||
      std::any_of(tools.members.begin(), tools.members.end(), [](const ToolSet::Member& member) {
        return says(*member.tool, "readOnlyHint") || says(*member.tool, "idempotentHint");
      });
  for (const RouteClauseKind kind :
       {RouteClauseKind::Retry, RouteClauseKind::Hedge, RouteClauseKind::Shadow}) {
    const ast::RouteClause* clause = find(route, kind);
    if (clause != nullptr && !bears) {
      pack.sink
          .report(Kind::NothingToRepeat, clause->span,
                  {std::string(ast::route_clause_text(kind)), route.name.text})
          .notes.push_back({{}, "where that is known to be harmless, write `repeatable` into the route"});
    }
  }
  const ast::RouteClause* cache = find(route, RouteClauseKind::Cache);
  const auto writes =
      std::find_if(tools.members.begin(), tools.members.end(),
                   [](const ToolSet::Member& member) { return !says(*member.tool, "readOnlyHint"); });
  if (cache != nullptr && writes != tools.members.end()) {
    pack.sink.report(Kind::CachedWrite, cache->span, {writes->server->name + "." + writes->tool->name})
        .notes.push_back({{}, "an answer from the cache stands for a call that never happens"});
  }
}

}  // namespace catalyst::check
