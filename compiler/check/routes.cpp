#include "compiler/check/routes.h"

#include <algorithm>
#include <array>

#include "compiler/check/expr.h"
#include "compiler/check/literal.h"
#include "compiler/check/route_cache.h"
#include "compiler/check/route_tools.h"
#include "compiler/check/servers.h"
#include "compiler/ir/route_limits.h"
#include "runtime/value/decimal.h"
#include "runtime/value/time.h"

namespace catalyst::check {

using ast::RouteClauseKind;
using diagnostics::Kind;
using types::TypeTable;

namespace {

constexpr uint32_t kBackoffMinMs = 25;  // of `retry` without `backoff`
constexpr uint32_t kBackoffMaxMs = 250;
constexpr int64_t kUsPerMs = 1'000;

std::string time_text(uint32_t ms) {
  std::string out;
  value::append_duration(out, int64_t{ms} * kUsPerMs);
  return out;
}

class RouteChecker {
 public:
  RouteChecker(Pack& pack, const ast::RouteDecl& decl) : pack_(pack), decl_(decl), expr_(pack, scope_) {}

  void check() {
    out_.name = decl_.name.text;
    out_.doc = decl_.doc;
    out_.span = decl_.name.span;
    const std::vector<ir::TargetPattern> patterns = check_targets(pack_, abi::Hook::Call, decl_.targets);
    out_.calls = pack_.emitter.target(patterns);
    scope_.kind = ScopeKind::Rule;
    scope_.hook = abi::Hook::Call;
    scope_.tools = &tools_of(pack_, abi::Hook::Call, patterns);
    scope_.user = decl_.name.span;
    scope_.user_text = "route `" + out_.name + "` uses it for call " + scope_.tools->text;
    for (const ast::RouteClause& each : decl_.clauses) {  // what others refer to
      if (each.kind == RouteClauseKind::To) {
        clause(each);
      }
    }
    for (const ast::RouteClause& each : decl_.clauses) {
      if (each.kind != RouteClauseKind::To) {
        clause(each);
      }
    }
    check_together();
    pack_.check_locals(scope_, decl_.name.span);
    out_.local_count = scope_.local_peak;
    pack_.module.routes.push_back(std::move(out_));
  }

 private:
  void clause(const ast::RouteClause& clause) {
    const ast::RouteClause*& first = seen_[static_cast<size_t>(clause.kind)];
    if (first != nullptr && clause.kind != RouteClauseKind::Prefer) {
      pack_.sink
          .report(Kind::RouteClauseTwice, clause.span,
                  {std::string(ast::route_clause_text(clause.kind)), decl_.name.text})
          .notes.push_back({first->span, "the first one is here"});
      return;
    }
    first = &clause;
    switch (clause.kind) {
      case RouteClauseKind::To:
        return to(clause);
      case RouteClauseKind::Prefer:
        return prefer(clause);
      case RouteClauseKind::Balance:
        return balance(clause);
      case RouteClauseKind::Timeout:
        out_.timeout_ms = time(clause.duration, "timeout", ir::kMaxRouteTimeMs);
        return;
      case RouteClauseKind::Retry:
        return retry(clause);
      case RouteClauseKind::Breaker:
        out_.breaker = {.failures = count(clause.count, "number of failures", 1, ir::kMaxRouteFailures),
                        .window_ms = time(clause.duration, "time to count failures in", ir::kMaxRouteTimeMs),
                        .open_ms = time(clause.longest, "time to stay open", ir::kMaxRouteOpenMs)};
        return;
      case RouteClauseKind::Hedge:
        out_.hedge_after_ms = time(clause.duration, "delay of a hedge", ir::kMaxRouteTimeMs);
        return;
      case RouteClauseKind::Cache:
        out_.cache = {.ttl_ms = time(clause.duration, "time to cache", ir::kMaxRouteCacheMs)};
        check_cache_key(pack_, clause, decl_, scope_, out_);
        return;
      case RouteClauseKind::Shadow:
        return shadow(clause);
      case RouteClauseKind::Repeatable:
        out_.repeatable = true;
        return;
    }
  }

  const ast::RouteClause* seen(RouteClauseKind kind) const { return seen_[static_cast<size_t>(kind)]; }

  void number_error(const ast::Expr& at, const char* what, const std::string& least,
                    const std::string& most) {
    pack_.sink.report(Kind::RouteNumber, at.span, {pack_.quote(at.span), what, least, most});
  }

  /// Milliseconds, from one on; 1 after a diagnostic.
  uint32_t time(const ast::Expr* expr, const char* what, uint32_t most) {
    if (expr->kind != ast::ExprKind::Number) {
      return 1;  // diagnosed when it was read
    }
    const auto& written = static_cast<const ast::NumberExpr&>(*expr);
    const Number read = read_number(written.digits, written.unit, false);
    if (read.form == NumberForm::UnknownUnit) {
      misread_ = true;
      return 1;
    }
    const int64_t us = read.form == NumberForm::Duration ? read.value.a.integer : 0;
    if (us < kUsPerMs || us > int64_t{most} * kUsPerMs || us % kUsPerMs != 0) {
      number_error(*expr, what, "1ms", time_text(most));
      return 1;
    }
    return static_cast<uint32_t>(us / kUsPerMs);
  }

  /// `least` after a diagnostic, but never 0.
  uint32_t count(const ast::Expr* expr, const char* what, uint32_t least, uint32_t most) {
    const uint32_t wrong = std::max(least, 1U);
    if (expr->kind != ast::ExprKind::Number) {
      return wrong;
    }
    const auto& written = static_cast<const ast::NumberExpr&>(*expr);
    const Number read = read_number(written.digits, written.unit, false);
    if (read.form == NumberForm::UnknownUnit) {
      return wrong;
    }
    if (!written.unit.empty() || read.form != NumberForm::Int || read.value.a.integer < least ||
        read.value.a.integer > most) {
      number_error(*expr, what, std::to_string(least), std::to_string(most));
      return wrong;
    }
    return static_cast<uint32_t>(read.value.a.integer);
  }

  void to(const ast::RouteClause& clause) {
    for (const ast::RouteTarget& target : clause.targets) {
      const auto same = std::find_if(
          clause.targets.begin(), clause.targets.end(),
          [&](const ast::RouteTarget& other) { return other.server.text == target.server.text; });
      if (&*same != &target) {
        twice(target.server).notes.push_back({same->server.span, "the first one is here"});
        continue;
      }
      const uint32_t weight =
          target.weight == nullptr ? 1 : count(target.weight, "weight", 0, ir::kMaxRouteWeight);
      out_.targets.push_back({target.server.text, weight});
    }
    if (clause.targets.size() > ir::kMaxRouteTargets) {
      pack_.sink.report(Kind::RouteTargetCount, clause.span,
                        {"to", "names more than " + std::to_string(ir::kMaxRouteTargets) + " servers"});
    }
    const auto weightless = [](const abi::RouteTarget& target) { return target.weight == 0; };
    if (!out_.targets.empty() && std::all_of(out_.targets.begin(), out_.targets.end(), weightless)) {
      pack_.sink.report(Kind::RouteWeights, clause.span,
                        {decl_.name.text, "are all 0: no call goes anywhere"});
    }
  }

  diagnostics::Diagnostic& twice(const ast::Name& server) {
    return pack_.sink.report(Kind::RouteTargetTwice, server.span, {server.text, decl_.name.text});
  }

  void prefer(const ast::RouteClause& clause) {
    const ExprId condition = expr_.deciding_condition(*clause.value);
    if (!find_target(pack_, decl_, clause.server)) {
      return;
    }
    if (out_.prefers.size() == ir::kMaxRoutePrefers) {
      pack_.sink.report(Kind::RouteTargetCount, clause.span,
                        {"prefer", "stands more than " + std::to_string(ir::kMaxRoutePrefers) + " times"});
      return;
    }
    const auto target =
        std::find_if(out_.targets.begin(), out_.targets.end(),
                     [&](const abi::RouteTarget& each) { return each.server == clause.server.text; });
    out_.prefers.push_back({static_cast<uint32_t>(target - out_.targets.begin()), condition, clause.span});
  }

  void balance(const ast::RouteClause& clause) {
    if (clause.word.text == "hash") {
      out_.balance = abi::Balance::Hash;
      out_.hash = expr_.text(*clause.value);
    } else if (clause.word.text == "least_loaded") {
      out_.balance = abi::Balance::LeastLoaded;
    }
    const auto weighs = [](const abi::RouteTarget& target) { return target.weight != 1; };
    if (clause.word.text == "round_robin" && std::any_of(out_.targets.begin(), out_.targets.end(), weighs)) {
      pack_.sink.report(Kind::RouteWeights, clause.span, {decl_.name.text, "mean nothing to `round_robin`"})
          .notes.push_back({{}, "`balance weighted` goes round by weight"});
    }
  }

  void retry(const ast::RouteClause& clause) {
    abi::RetryPolicy retry{.attempts = count(clause.count, "number of retries", 1, ir::kMaxRouteRetries),
                           .on = 0,
                           .backoff_min_ms = kBackoffMinMs,
                           .backoff_max_ms = kBackoffMaxMs};
    for (const ast::Name& cause : clause.causes) {
      const abi::RetryOn on = cause.text == "timeout" ? abi::RetryOn::Timeout
                              : cause.text == "error" ? abi::RetryOn::Error
                                                      : abi::RetryOn::Unavailable;
      retry.on |= static_cast<uint8_t>(on);
    }
    if (clause.causes.empty()) {
      retry.on =
          static_cast<uint8_t>(abi::RetryOn::Timeout) | static_cast<uint8_t>(abi::RetryOn::Unavailable);
    }
    if (clause.duration != nullptr) {
      retry.backoff_min_ms = time(clause.duration, "backoff", ir::kMaxRouteTimeMs);
      retry.backoff_max_ms = clause.longest == nullptr ? retry.backoff_min_ms
                                                       : time(clause.longest, "backoff", ir::kMaxRouteTimeMs);
    }
    if (retry.backoff_min_ms > retry.backoff_max_ms) {
      pack_.sink.report(
          Kind::RouteTimes, clause.span,
          {"the backoff ends (`" + pack_.quote(clause.longest->span) + "`) below where it begins"});
    }
    out_.retry = retry;
  }

  void shadow(const ast::RouteClause& clause) {
    const auto serves = [&](const abi::RouteTarget& target) { return target.server == clause.server.text; };
    if (std::any_of(out_.targets.begin(), out_.targets.end(), serves)) {
      twice(clause.server).notes.push_back({{}, "a shadow is a server that answers nobody"});
    }
    constexpr int64_t kPpm = 1'000'000;
    if (clause.count->kind != ast::ExprKind::Number) {
      return;  // diagnosed when it was read
    }
    const auto& written = static_cast<const ast::NumberExpr&>(*clause.count);
    value::Value ppm;
    const Number read = read_number(written.digits, written.unit, false);
    if (read.form == NumberForm::UnknownUnit) {
      return;
    }
    const bool exact =
        written.unit == "%" && read.form == NumberForm::Decimal &&
        value::decimal::multiply(read.value, value::decimal::from_int(kPpm), &ppm) == value::Status::Ok &&
        ppm.scale == 0;
    if (!exact || ppm.coefficient() < 1 || ppm.coefficient() > kPpm) {
      number_error(*clause.count, "share of the calls", "0.0001%", "100%");
      return;
    }
    out_.shadow = {clause.server.text, static_cast<uint32_t>(ppm.coefficient())};
  }

  /// What clauses say of each other.
  void check_together() {
    for (const RouteClauseKind kind : {RouteClauseKind::Balance, RouteClauseKind::Hedge}) {
      if (seen(kind) != nullptr && out_.targets.size() < 2) {
        pack_.sink
            .report(Kind::RouteTargetCount, seen(kind)->span,
                    {std::string(ast::route_clause_text(kind)), "needs two servers to choose from"})
            .notes.push_back({{}, "`to` names the servers"});
      }
    }
    const uint32_t hedge = out_.hedge_after_ms.value_or(0);
    if (out_.timeout_ms != 0 && hedge >= out_.timeout_ms && !misread_ &&
        pack_.sink.error_count() == errors_before_) {
      pack_.sink
          .report(Kind::RouteTimes, seen(RouteClauseKind::Hedge)->span,
                  {"a hedge after " + time_text(hedge) + " comes too late"})
          .notes.push_back({seen(RouteClauseKind::Timeout)->span, "the call is over by then"});
    }
    check_route_tools(pack_, decl_, *scope_.tools, out_.repeatable);
  }

  Pack& pack_;
  const ast::RouteDecl& decl_;
  ir::Route out_;
  Scope scope_;
  ExprChecker expr_;
  const size_t errors_before_ = pack_.sink.error_count();
  bool misread_ = false;  // a time has been told as wrong when it was read
  static constexpr size_t kClauses = 0
#define ROUTE_CLAUSE(name, text) +1
#include "compiler/ast/route_clause.def"
#undef ROUTE_CLAUSE
      ;
  std::array<const ast::RouteClause*, kClauses> seen_{};
};

std::vector<std::string_view> servers_of(const ast::RouteDecl& route) {
  std::vector<std::string_view> out;
  for (const ast::RouteClause& clause : route.clauses) {
    for (const ast::RouteTarget& target : clause.targets) {
      out.push_back(target.server.text);
    }
  }
  return out;
}

bool is_named(const Pack& pack, std::string_view route) {
  return std::any_of(pack.names.rules.begin(), pack.names.rules.end(), [&](const ast::RuleDecl* rule) {
    return std::any_of(rule->effects.begin(), rule->effects.end(), [&](const ast::Effect& effect) {
      return effect.kind == ast::EffectKind::Route && effect.tag.text == route;
    });
  });
}

/// A glob covers another when it matches its text: a star of the inner one is matched by a star alone.
bool covers(const ast::TargetPattern& outer, const ast::TargetPattern& inner) {
  return glob_matches(outer.server, inner.server) && glob_matches(outer.tool, inner.tool);
}

/// A call takes the first route that is for it, so one that stands behind another must have something left.
void report_never_taken(Pack& pack) {
  const std::vector<const ast::RouteDecl*>& routes = pack.names.routes;
  for (size_t i = 0; i < routes.size(); ++i) {
    const ast::RouteDecl& later = *routes[i];
    const auto has_all = [&](const ast::RouteDecl* earlier) {
      return std::all_of(later.targets.begin(), later.targets.end(), [&](const ast::TargetPattern& inner) {
        return std::any_of(earlier->targets.begin(), earlier->targets.end(),
                           [&](const ast::TargetPattern& outer) { return covers(outer, inner); });
      });
    };
    const auto end = routes.begin() + static_cast<std::ptrdiff_t>(i);
    const auto found = std::find_if(routes.begin(), end, has_all);
    if (found != end && !later.targets.empty() && !is_named(pack, later.name.text)) {
      auto& report =
          pack.sink.report(Kind::RouteNeverTaken, later.name.span, {later.name.text, (*found)->name.text});
      report.notes.push_back({(*found)->name.span, "the first route that is for a call takes it"});
      report.notes.push_back(
          {{}, "put the narrower route first, or let a rule choose it: `route " + later.name.text + "`"});
    }
  }
}

}  // namespace

void check_routes(Pack& pack) {
  for (const ast::RouteDecl* route : pack.names.routes) {
    if (pack.sink.hopeless()) {
      return;
    }
    RouteChecker(pack, *route).check();
  }
  if (!pack.sink.has_errors()) {
    report_never_taken(pack);
  }
}

const ast::RouteDecl* find_route(Pack& pack, const ast::Name& name) {
  std::vector<std::string_view> known;
  for (const ast::RouteDecl* route : pack.names.routes) {
    if (route->name.text == name.text) {
      return route;
    }
    known.push_back(route->name.text);
  }
  auto& diagnostic = pack.sink.report(Kind::UnknownRoute, name.span, {name.text});
  suggest(diagnostic, name.span, name.text, known);
  return nullptr;
}

bool find_target(Pack& pack, const ast::RouteDecl& route, const ast::Name& server) {
  const std::vector<std::string_view> known = servers_of(route);
  if (std::find(known.begin(), known.end(), server.text) != known.end()) {
    return true;
  }
  auto& diagnostic = pack.sink.report(Kind::UnknownRouteTarget, server.span, {server.text, route.name.text});
  suggest(diagnostic, server.span, server.text, known);
  if (diagnostic.fixes.empty()) {
    diagnostic.notes.push_back(
        {route.name.span, known.empty() ? "it has no `to`" : "it goes to " + quote_list(known)});
  }
  return false;
}

bool takes_all(Pack& pack, const ast::RouteDecl& route, const Scope& scope, Span span) {
  for (const ToolSet::Member& member : scope.tools->members) {
    const bool taken =
        std::any_of(route.targets.begin(), route.targets.end(), [&](const ast::TargetPattern& target) {
          return glob_matches(target.server, member.server->name) &&
                 glob_matches(target.tool, member.tool->name);
        });
    if (!taken) {
      pack.sink
          .report(Kind::RouteNotForTool, span,
                  {route.name.text, member.server->name + "." + member.tool->name})
          .notes.push_back({route.name.span, "the route is declared here"});
      return false;
    }
  }
  return true;
}

}  // namespace catalyst::check
