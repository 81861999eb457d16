#pragma once

#include <string>
#include <vector>

#include "tests/unit/frontend/random_expressions.h"

namespace catalyst::frontend {

/// Makes trees of one file at random, with every node that the language has.
class Generator : RandomExpressions {
 public:
  using RandomExpressions::RandomExpressions;

  void file(Ast& ast) {
    tree_ = &ast;
    const size_t count = 1 + below(4);
    for (size_t i = 0; i < count; ++i) {
      ast.declarations.push_back(declaration());
    }
  }

 private:
  template <class T>
  T* decl(DeclKind kind) {
    T* out = tree_->make<T>();
    out->kind = kind;
    out->span = {tree_->file, 0, 0};
    return out;
  }

  Name hook() { return {std::string(abi::kHooks[below(abi::kHookCount)].name), {}}; }

  const Decl* declaration() {
    switch (below(14)) {
      case 0: {
        auto* out = decl<PackDecl>(DeclKind::Pack);
        out->name.text = word() + "." + any_word();
        out->version.text = once_in(2) ? "1.2.3" : "10.0.1-beta.2";
        return out;
      }
      case 1: {
        auto* out = decl<DefaultDecl>(DeclKind::Default);
        out->deny = once_in(2);
        out->hook = once_in(2) ? hook() : Name{};
        return out;
      }
      case 2: {
        auto* out = decl<ServerDecl>(DeclKind::Server);
        out->name = name();
        out->schema.text = once_in(2) ? text() : "";
        return out;
      }
      case 3: {
        auto* out = decl<EnumDecl>(DeclKind::Enum);
        out->exported = once_in(3);
        out->name = name();
        for (size_t n = 1 + below(25); n > 0; --n) {
          out->members.push_back(any_name());
        }
        return out;
      }
      case 4: {
        auto* out = decl<RecordDecl>(DeclKind::Record);
        out->exported = once_in(3);
        out->name = name();
        for (size_t n = below(4); n > 0; --n) {
          out->fields.push_back({any_name(), type(3)});
        }
        return out;
      }
      case 5: {
        auto* out = decl<ListDecl>(DeclKind::List);
        out->exported = once_in(3);
        out->name = name();
        out->type = type(2);
        out->value = expr(3);
        return out;
      }
      case 6: {
        auto* out = decl<FactDecl>(DeclKind::Fact);
        out->exported = once_in(3);
        out->name = name();
        out->type = once_in(3) ? type(2) : nullptr;
        out->value = expr(5);
        return out;
      }
      case 7: {
        auto* out = decl<FnDecl>(DeclKind::Fn);
        out->exported = once_in(3);
        out->name = name();
        for (size_t n = below(3); n > 0; --n) {
          out->parameters.push_back({name(), type(1)});
        }
        out->result = type(1);
        out->body = expr(4);
        return out;
      }
      case 8:
        return rule();
      case 10:
        return route();
      case 9: {
        auto* out = decl<ImportDecl>(DeclKind::Import);
        out->alias.text = word();
        out->name.text = once_in(2) ? out->alias.text : word() + "." + out->alias.text;
        out->from.text = once_in(2) ? "../common" : "";
        out->alias = once_in(2) ? name() : out->alias;
        return out;
      }
      case 11: {
        auto* out = decl<AgentDecl>(DeclKind::Agent);
        out->name = name();
        out->card.text = once_in(2) ? "cards/a.json" : "";
        return out;
      }
      case 12: {
        auto* out = decl<PropertyDecl>(DeclKind::Property);
        out->name = name();
        out->hook = hook();
        for (size_t n = out->hook.text != "session" ? below(3) : 0; n > 0; --n) {
          out->targets.push_back(target(false, out->hook.text));
        }
        out->condition = once_in(2) ? expr(4) : nullptr;
        out->allowed = once_in(2);
        return out;
      }
      default:
        return test();
    }
  }

  Effect effect() {
    Effect out{};
    out.kind = static_cast<EffectKind>(below(kEffectCount));
    switch (out.kind) {
      case EffectKind::Allow:
      case EffectKind::Deny:
        out.message = once_in(2) ? string(2) : nullptr;
        break;
      case EffectKind::Describe:
        out.message = string(2);
        break;
      case EffectKind::Hide:
        for (size_t n = below(3); n > 0; --n) {
          out.patterns.push_back(target(false, "list tools"));
        }
        break;
      case EffectKind::Set:
        out.path = path();
        out.value = expr(3);
        break;
      case EffectKind::Redact:
        for (size_t n = below(3); n > 0; --n) {
          out.redactions.push_back(once_in(2) ? path() : string(0));
        }
        out.path = path();
        break;
      case EffectKind::Audit:
        out.level.text = once_in(2) ? "" : once_in(2) ? "full" : "metadata";
        break;
      case EffectKind::Tag:
        out.tag = key();
        out.value = once_in(2) ? expr(2) : nullptr;
        break;
      case EffectKind::Start:
        out.tag = name();
        for (size_t n = below(3); n > 0; --n) {
          out.arguments.push_back(expr(2));
        }
        break;
      case EffectKind::Limit:
      case EffectKind::Require:
      case EffectKind::Emit:
      case EffectKind::Route:
      case EffectKind::Label:  // each writes what it has of these
        out.tag = out.kind == EffectKind::Emit ? Name{text(), {}} : name();
        out.count = number("60", "");
        out.duration = number("10", "m");
        out.burst = once_in(2) ? number("5", "") : nullptr;
        out.role.text = once_in(2) ? "dba" : "";
        out.value = once_in(2) ? record(2, false) : nullptr;
        break;
    }
    return out;
  }

  const Decl* rule() {
    auto* out = decl<RuleDecl>(DeclKind::Rule);
    const auto annotate = [&](const char* what, AnnotationForm form, std::string text, const Expr* share) {
      if (once_in(3)) {
        out->annotations.push_back({{what, {}}, form, {text, {}}, share, share ? expr(2) : nullptr, {}});
      }
    };
    annotate("owner", AnnotationForm::Text, text(), nullptr);
    annotate("expires", AnnotationForm::Date, "2027-01-01", nullptr);
    annotate("rollout", AnnotationForm::Share, "", number("5", "%"));
    annotate("shadow", AnnotationForm::Nothing, "", nullptr);
    out->name = name();
    out->hook = hook();
    const bool targeted = out->hook.text != "session";
    for (size_t n = targeted ? below(3) : 0; n > 0; --n) {
      out->targets.push_back(target(false, out->hook.text));
    }
    out->condition = once_in(2) ? expr(5) : nullptr;
    out->on_error.text = once_in(4) ? "deny" : once_in(4) ? "skip" : "";
    for (size_t n = 1 + below(3); n > 0; --n) {
      out->effects.push_back(effect());
    }
    return out;
  }

  const Decl* route() {
    auto* out = decl<RouteDecl>(DeclKind::Route);
    out->name = name();
    for (size_t n = 1 + below(2); n > 0; --n) {
      out->targets.push_back(target(false, "call"));
    }
    static constexpr RouteClauseKind kKinds[] = {
#define ROUTE_CLAUSE(name, text) RouteClauseKind::name,
#include "compiler/ast/route_clause.def"
#undef ROUTE_CLAUSE
    };
    for (size_t n = below(5); n > 0; --n) {
      RouteClause clause;
      clause.kind = kKinds[below(std::size(kKinds))];
      fill(clause);
      out->clauses.push_back(clause);
    }
    return out;
  }

  void fill(RouteClause& clause) {
    switch (clause.kind) {
      case RouteClauseKind::To:
        for (size_t n = 1 + below(3); n > 0; --n) {
          clause.targets.push_back({key(), once_in(2) ? number("3", "") : nullptr});
        }
        break;
      case RouteClauseKind::Prefer:
        clause.server = key();
        clause.value = expr(3);
        break;
      case RouteClauseKind::Balance:
        clause.value = once_in(2) ? expr(3) : nullptr;
        clause.word.text = clause.value == nullptr ? "least_loaded" : "hash";
        break;
      case RouteClauseKind::Retry:
        for (size_t n = below(3); n > 0; --n) {
          clause.causes.push_back({n == 1 ? "timeout" : "error", {}});
        }
        clause.count = number("2", "");
        clause.duration = once_in(2) ? number("50", "ms") : nullptr;
        clause.longest = clause.duration != nullptr && once_in(2) ? number("1", "s") : nullptr;
        break;
      case RouteClauseKind::Cache:
        clause.duration = number("60", "s");
        clause.shared = once_in(2);
        for (size_t n = below(3); n > 0; --n) {
          clause.key.push_back(expr(2));
        }
        break;
      case RouteClauseKind::Breaker:
        clause.count = number("5", "");
        clause.longest = number("30", "s");
        [[fallthrough]];
      case RouteClauseKind::Timeout:
      case RouteClauseKind::Hedge:
        clause.duration = number("200", "ms");
        break;
      case RouteClauseKind::Shadow:
        clause.server = key();
        clause.count = number("5", "%");
        break;
      case RouteClauseKind::Repeatable:
        break;
    }
  }

  const Decl* test() {
    static const char* const kExpected[] = {"allow", "deny", "hidden", "listed",  "set",     "redact",
                                            "audit", "tag",  "error",  "message", "describe"};
    auto* out = decl<TestDecl>(DeclKind::Test);
    out->title.text = text();
    if (once_in(4)) {
      for (size_t n = 1 + below(3); n > 0; --n) {
        out->expects.push_back(expr(3));
      }
      return out;
    }
    for (size_t n = below(3); n > 0; --n) {
      TestGiven& given = out->givens.emplace_back();
      if (once_in(3)) {
        given.subject.text = "past";
        given.hook.text = once_in(2) ? "call" : "prompt";
        given.target = target(true, given.hook.text);
        given.value = once_in(2) ? record(2, false) : nullptr;
        given.times = once_in(2) ? number("21", "") : nullptr;
        given.ago = once_in(2) ? number("30", "m") : nullptr;
      } else {
        given.subject = any_name();
        given.value = expr(2);
      }
    }
    out->hook = hook();
    out->target = target(true, out->hook.text);
    out->input = once_in(2) ? record(2, false) : nullptr;
    out->result = once_in(3) ? expr(2) : nullptr;
    for (size_t n = 1 + below(3); n > 0; --n) {
      TestExpectation each;
      each.what.text = kExpected[below(std::size(kExpected))];
      const std::string& what = each.what.text;
      if (what == "set" || (what == "redact" && once_in(2))) {
        each.path = what == "set" ? path() : member(make_name("result"));
      }
      each.negated = once_in(4);
      if ((what == "set" && !once_in(3)) || (what == "tag" && once_in(2))) {
        each.value = expr(2);
      }
      if (what == "message" || what == "describe") {
        each.value = string(1);
      }
      each.word.text = what == "tag"                   ? key().text
                       : what == "audit" && once_in(2) ? "full"
                       : what == "error"               ? "overflow"
                                                       : "";
      each.by = what != "message" && what != "listed" && what != "describe" && once_in(2) ? name() : Name{};
      out->expectations.push_back(each);
    }
    return out;
  }
};

}  // namespace catalyst::frontend
