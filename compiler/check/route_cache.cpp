#include "compiler/check/route_cache.h"

#include <algorithm>

#include "compiler/check/effects.h"
#include "compiler/check/expr.h"
#include "compiler/ir/route_limits.h"

namespace catalyst::check {

using abi::InputRoot;
using diagnostics::Kind;
using types::TypeTable;

namespace {

bool is_arguments(const ast::Expr& part) {
  const std::vector<PathStep> steps = path_steps(part);
  return steps.size() == 2 && steps[0].name == "call" && steps[1].name == "args";
}

class KeyChecker {
 public:
  KeyChecker(Pack& pack, const ast::RouteClause& cache, const ast::RouteDecl& route, Scope& scope,
             ir::Route& out)
      : pack_(pack), cache_(cache), route_(route), scope_(scope), out_(out) {}

  void check() {
    if (cache_.key.empty()) {
      everything();
      return;
    }
    ExprChecker expr(pack_, scope_);
    for (const ast::Expr* part : cache_.key) {
      // As they are sent, whole: the values that rules read leave out what no schema names.
      out_.key.push_back(is_arguments(*part) ? ExprId() : expr.infer(*part).id);
    }
    if (out_.key.size() > ir::kMaxRouteKeyParts) {
      pack_.sink.report(Kind::TooManyParts, cache_.span, {std::to_string(ir::kMaxRouteKeyParts)});
    }
    out_.cache->scope = cache_.shared                     ? abi::CacheScope::Shared
                        : has(InputRoot::PrincipalId)     ? abi::CacheScope::Principal
                        : has(InputRoot::PrincipalTenant) ? abi::CacheScope::Tenant
                                                          : abi::CacheScope::Principal;
    prove();
  }

 private:
  void everything() {
    const auto slot = [&](InputRoot root) {
      return pack_.emitter.slot(root, {}, TypeTable::kString, cache_.span);
    };
    out_.key = {slot(InputRoot::CallServer), slot(InputRoot::CallTool), ExprId()};
    out_.cache->scope = cache_.shared ? abi::CacheScope::Shared : abi::CacheScope::Principal;
    if (!cache_.shared) {
      out_.key.push_back(slot(InputRoot::PrincipalId));
    }
  }

  [[nodiscard]] bool has(InputRoot root) const {
    return std::any_of(out_.key.begin(), out_.key.end(), [&](ExprId part) {
      return part.valid() && pack_.module.expr(part).op == Op::Slot &&
             pack_.module.slots[pack_.module.expr(part).payload].root == root &&
             pack_.module.slots[pack_.module.expr(part).payload].path.empty();
    });
  }

  void prove() {
    const auto several = [&](std::string ast::TargetPattern::* half) {
      return std::any_of(route_.targets.begin(), route_.targets.end(), [&](const ast::TargetPattern& each) {
        return each.*half != route_.targets[0].*half || (each.*half).find('*') != std::string::npos;
      });
    };
    if (several(&ast::TargetPattern::server) && !has(InputRoot::CallServer)) {
      leave_out("`call.server`", "call.server");
    }
    if (several(&ast::TargetPattern::tool) && !has(InputRoot::CallTool)) {
      leave_out("`call.tool`", "call.tool");
    }
    if (std::all_of(out_.key.begin(), out_.key.end(), [](ExprId part) { return part.valid(); })) {
      leave_out("the arguments (`call.args`)", "call.args");
    }
    const bool named = has(InputRoot::PrincipalId) || has(InputRoot::PrincipalTenant);
    if (!named && !cache_.shared) {
      leave_out("who asks (`principal.id` or `principal.tenant`)", "principal.id");
    }
    if (missing_.empty()) {
      return;
    }
    auto& diagnostic = pack_.sink.report(Kind::CacheKey, cache_.span, {missing_});
    const uint32_t end = cache_.key.back()->span.end;
    diagnostic.fixes.push_back(
        {{cache_.span.file, end, end}, insert_, "name it: `" + insert_.substr(2) + "`"});
    if (!named && !cache_.shared) {
      diagnostic.notes.push_back({{},
                                  "if the answer is the same for everybody, say so: `cache " +
                                      pack_.quote(cache_.duration->span) + " shared by ...`"});
    }
  }

  void leave_out(std::string_view what, std::string_view insert) {
    missing_.append(missing_.empty() ? "" : ", ").append(what);
    insert_.append(", ").append(insert);
  }

  Pack& pack_;
  const ast::RouteClause& cache_;
  const ast::RouteDecl& route_;
  Scope& scope_;
  ir::Route& out_;
  std::string missing_;
  std::string insert_;
};

}  // namespace

void check_cache_key(Pack& pack, const ast::RouteClause& cache, const ast::RouteDecl& route, Scope& scope,
                     ir::Route& out) {
  KeyChecker(pack, cache, route, scope, out).check();
}

}  // namespace catalyst::check
