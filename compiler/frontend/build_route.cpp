#include <algorithm>

#include "compiler/frontend/build_ast.h"

namespace catalyst::frontend {

using ast::RouteClauseKind;
using diagnostics::Kind;

ast::Decl* Builder::route(P::RouteDeclContext* in) {
  auto* out = declare<ast::RouteDecl>(ast::DeclKind::Route, in);
  out->name = name(in->name());
  if (out->name.text.empty()) {
    return nullptr;
  }
  targets(in->targets(), abi::Hook::Call, out->targets);
  for (P::RouteClauseContext* each : in->routeClause()) {
    if (!each->children.empty()) {
      out->clauses.push_back(route_clause(each));
    }
  }
  return out;
}

/// Reports a word that is none of `known`.
ast::Name Builder::known_word(ast::Name found, const std::vector<std::string_view>& known) {
  if (found.text.empty() || std::find(known.begin(), known.end(), found.text) != known.end()) {
    return found;
  }
  std::string expected;
  for (size_t i = 0; i < known.size(); ++i) {
    expected += (i == 0 ? "`" : i + 1 == known.size() ? " or `" : ", `") + std::string(known[i]) + "`";
  }
  auto& report = sink_.report(Kind::UnexpectedToken, found.span, {expected, "`" + found.text + "`"});
  const std::string_view near = diagnostics::did_you_mean(found.text, known);
  if (!near.empty()) {
    report.fixes.push_back({found.span, std::string(near), "did you mean `" + std::string(near) + "`?"});
  }
  return found;
}

ast::RouteClause Builder::route_clause(P::RouteClauseContext* in) {
  ast::RouteClause out;
  out.span = span(in);
  const std::vector<antlr4::tree::TerminalNode*> numbers = in->NUMBER();
  const auto number_at = [&](size_t i) {
    return i < numbers.size() ? number_of(numbers[i]) : error(out.span).expr;
  };
  switch (in->start->getType()) {
    case P::TO:
      out.kind = RouteClauseKind::To;
      for (P::RouteTargetContext* each : in->routeTarget()) {
        if (each->key() != nullptr) {
          out.targets.push_back({key(each->key()), number_of(each->NUMBER())});
        }
      }
      break;
    case P::PREFER:
      out.kind = RouteClauseKind::Prefer;
      out.server = key(in->key());
      out.value =
          in->condition() == nullptr ? error(out.span).expr : expression(in->condition()->expression());
      break;
    case P::BALANCE:
      out.kind = RouteClauseKind::Balance;
      out.word = known_word(name(in->HASH() != nullptr ? in->HASH() : in->IDENTIFIER()),
                            {"least_loaded", "weighted", "round_robin", "hash"});
      out.value = in->HASH() == nullptr ? nullptr : expression(in->expression(0));
      break;
    case P::TIMEOUT:
      out.kind = RouteClauseKind::Timeout;
      out.duration = number_at(0);
      break;
    case P::RETRY:
      out.kind = RouteClauseKind::Retry;
      out.count = number_at(0);
      for (P::NameContext* cause : in->name()) {
        out.causes.push_back(known_word(name(cause), {"timeout", "unavailable", "error"}));
      }
      out.duration = in->BACKOFF() == nullptr ? nullptr : number_at(1);
      out.longest = in->RANGE() == nullptr ? nullptr : number_at(2);
      break;
    case P::BREAKER:
      out.kind = RouteClauseKind::Breaker;
      out.count = number_at(0);
      out.duration = number_at(1);
      out.longest = number_at(2);
      break;
    case P::HEDGE:
      out.kind = RouteClauseKind::Hedge;
      out.duration = number_at(0);
      break;
    case P::CACHE:
      out.kind = RouteClauseKind::Cache;
      out.duration = number_at(0);
      out.shared = in->SHARED() != nullptr;
      for (P::ExpressionContext* part : in->expression()) {
        out.key.push_back(expression(part));
      }
      break;
    case P::SHADOW:
      out.kind = RouteClauseKind::Shadow;
      out.server = key(in->key());
      out.count = number_at(0);
      break;
    case P::REPEATABLE:
      out.kind = RouteClauseKind::Repeatable;
      break;
    default:
      break;
  }
  return out;
}

}  // namespace catalyst::frontend
