#include "compiler/frontend/format_route.h"

#include <string>

#include "compiler/frontend/format_expr.h"

namespace catalyst::frontend {

using namespace ast;  // every clause is named here

namespace {

std::string number(const Expr* expr) { return expr == nullptr ? "" : " " + flat(*expr, 0, true); }

std::string joined(const std::vector<Name>& names) {
  std::string out;
  for (const Name& name : names) {
    out += (out.empty() ? " " : ", ") + name.text;
  }
  return out;
}

std::string joined(const std::vector<RouteTarget>& targets) {
  std::string out;
  for (const RouteTarget& target : targets) {
    out += (out.empty() ? " " : ", ") + flat_key(target.server);
    out += target.weight == nullptr ? "" : " weight" + number(target.weight);
  }
  return out;
}

std::string joined(const std::vector<const Expr*>& key) {
  std::string out;
  for (const Expr* part : key) {
    out += (out.empty() ? " by " : ", ") + flat(*part, 0, true);
  }
  return out;
}

std::string backoff(const RouteClause& clause) {
  if (clause.duration == nullptr) {
    return {};
  }
  return " backoff" + number(clause.duration) +
         (clause.longest == nullptr ? "" : ".." + flat(*clause.longest, 0, true));
}

/// What stands behind the clause's first word and in front of a value.
std::string words(const RouteClause& clause) {
  switch (clause.kind) {
    case RouteClauseKind::To:
      return joined(clause.targets);
    case RouteClauseKind::Prefer:
      return " " + flat_key(clause.server) + " when ";
    case RouteClauseKind::Balance:
      return " " + clause.word.text + (clause.value == nullptr ? "" : " ");
    case RouteClauseKind::Timeout:
      return number(clause.duration);
    case RouteClauseKind::Retry:
      return number(clause.count) + (clause.causes.empty() ? "" : " on") + joined(clause.causes) +
             backoff(clause);
    case RouteClauseKind::Breaker:
      return number(clause.count) + " failures in" + number(clause.duration) + " open" +
             number(clause.longest);
    case RouteClauseKind::Hedge:
      return " after" + number(clause.duration);
    case RouteClauseKind::Cache:
      return number(clause.duration) + (clause.shared ? " shared" : "") + joined(clause.key);
    case RouteClauseKind::Shadow:
      return " " + flat_key(clause.server) + number(clause.count);
    case RouteClauseKind::Repeatable:
      return {};
  }
  return {};
}

}  // namespace

void format_route(Layout& layout, const RouteDecl& route) {
  layout.write("route " + route.name.text);
  layout.end_line(route.name.span.end);
  std::string calls;
  for (const TargetPattern& target : route.targets) {
    calls += (calls.empty() ? "" : ", ") + flat(target, abi::HookTarget::Tool);
  }
  const source::Span first = route.targets.empty() ? route.name.span : route.targets.front().span;
  layout.begin_item(first.begin, 2);
  layout.write("for call " + calls);
  layout.end_line(route.targets.empty() ? first.end : route.targets.back().span.end);
  for (const RouteClause& clause : route.clauses) {
    layout.begin_item(clause.span.begin, 2);
    layout.write(std::string(route_clause_text(clause.kind)) + words(clause));
    if (clause.value != nullptr) {
      layout.expression(*clause.value, 2);
    }
    layout.end_line(clause.span.end);
  }
}

}  // namespace catalyst::frontend
