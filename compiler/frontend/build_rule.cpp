#include "compiler/frontend/build_ast.h"
#include "compiler/frontend/scan.h"

namespace catalyst::frontend {

using ast::EffectKind;
using ast::ExprKind;
using diagnostics::Kind;

ast::Decl* Builder::rule(P::RuleDeclContext* in) {
  auto* out = declare<ast::RuleDecl>(ast::DeclKind::Rule, in);
  out->name = name(in->name());
  if (out->name.text.empty()) {
    return nullptr;
  }
  out->hook = hook(in->hook());
  targets(in->targets(), abi::find_hook(out->hook.text).value_or(abi::Hook::Call), out->targets);
  if (P::ConditionContext* condition = in->condition()) {
    out->condition = expression(condition->expression());
  }
  if (P::OnErrorContext* failing = in->onError()) {
    out->on_error = name(failing->DENY() != nullptr ? failing->DENY() : failing->IDENTIFIER());
    if (out->on_error.text != "deny" && out->on_error.text != "skip" && failing->exception == nullptr) {
      sink_.report(Kind::UnexpectedToken, out->on_error.span,
                   {"`deny` or `skip`", "`" + out->on_error.text + "`"});
    }
  }
  for (P::EffectContext* each : in->effect()) {
    if (!each->children.empty()) {
      out->effects.push_back(effect(each));
    }
  }
  return out;
}

ast::Annotation Builder::annotation(P::AnnotationContext* in) {
  ast::Annotation out;
  out.span = span(in);
  out.name = name(in->anyName());
  P::AnnotationValueContext* value = in->annotationValue();
  if (value == nullptr) {
    return out;
  }
  if (value->string() != nullptr) {
    out.form = ast::AnnotationForm::Text;
    out.text = plain_string(value->string(), "the text of an annotation");
  } else if (value->date() != nullptr) {
    out.form = ast::AnnotationForm::Date;
    out.text = {text(span(value->date())), span(value->date())};
  } else if (value->NUMBER() != nullptr) {
    out.form = ast::AnnotationForm::Share;
    out.share = number_of(value->NUMBER());
    out.by = value->BY() == nullptr ? nullptr : expression(value->expression());
  }
  return out;
}

const ast::Expr* Builder::number_of(antlr4::tree::TerminalNode* in) {
  return in == nullptr ? nullptr : number(in->getSymbol()).expr;
}

/// `limit N per D by KEY burst M`.
void Builder::limit(P::EffectContext* in, ast::Effect& out) {
  const std::vector<antlr4::tree::TerminalNode*> numbers = in->NUMBER();
  const auto at = [&](size_t i) { return i < numbers.size() ? number_of(numbers[i]) : error(out.span).expr; };
  out.count = at(0);
  out.duration = at(1);
  out.burst = in->BURST() == nullptr ? nullptr : at(2);
  out.value = in->BY() == nullptr || in->expression().empty() ? nullptr : expression(in->expression(0));
}

ast::Name Builder::hook(P::HookContext* in) {
  if (in == nullptr || in->children.empty()) {
    return {"call", span(in)};  // a broken rule; nothing of it that depends on the hook was read
  }
  std::string words;
  for (antlr4::tree::ParseTree* child : in->children) {
    if (auto* word = dynamic_cast<antlr4::tree::TerminalNode*>(child)) {
      words += (words.empty() ? "" : " ") + text(span(word->getSymbol()));
    }
  }
  return {std::move(words), span(in)};
}

void Builder::check_path(const ast::Expr* expr, const char* user) {
  const ast::Expr* at = expr;
  for (;;) {
    if (at->kind == ExprKind::Member) {
      at = static_cast<const ast::MemberExpr*>(at)->object;
    } else if (at->kind == ExprKind::Index) {
      at = static_cast<const ast::IndexExpr*>(at)->object;
    } else {
      break;
    }
  }
  if (at->kind != ExprKind::Name && at->kind != ExprKind::Error) {
    sink_.report(Kind::NotAPath, expr->span, {user});
  }
}

const ast::Expr* Builder::path(P::PlaceContext* in, const char* user) {
  if (in == nullptr || in->primary() == nullptr) {
    return error(span(in)).expr;
  }
  Node out = primary(in->primary());
  for (P::PostfixContext* more : in->postfix()) {
    out = limited(postfix(out, more));
  }
  if (user != nullptr) {
    check_path(out.expr, user);
  }
  return out.expr;
}

const ast::Expr* Builder::result_path(P::ResultPathContext* in) {
  auto* root = make<ast::NameExpr>(ExprKind::Name, span(in->start));
  root->name = text(root->span);
  Node out{root, 1};
  for (P::PathStepContext* step : in->pathStep()) {
    out = limited(path_step(out, step));
  }
  return out.expr;
}

ast::Effect Builder::effect(P::EffectContext* in) {
  ast::Effect out{};
  out.kind = EffectKind::Allow;
  out.span = span(in);
  switch (in->start->getType()) {
    case P::DENY:
      out.kind = EffectKind::Deny;
      [[fallthrough]];
    case P::ALLOW:
      out.message = in->string() == nullptr ? nullptr : string(in->string()).expr;
      break;
    case P::HIDE:
      out.kind = EffectKind::Hide;
      targets(in->targets(), abi::Hook::ListTools, out.patterns);
      break;
    case P::SET:
      out.kind = EffectKind::Set;
      out.path = path(in->place(0), "`set`");
      out.value = in->expression().empty() ? error(out.span).expr : expression(in->expression(0));
      break;
    case P::REDACT:
      out.kind = EffectKind::Redact;
      redaction(in, out);
      break;
    case P::AUDIT:
      out.kind = EffectKind::Audit;
      if (in->METADATA() != nullptr || in->FULL() != nullptr) {
        out.level = name(in->METADATA() != nullptr ? in->METADATA() : in->FULL());
      }
      break;
    case P::DESCRIBE:
      out.kind = EffectKind::Describe;
      out.message = in->string() == nullptr ? error(out.span).expr : string(in->string()).expr;
      break;
    case P::TAG:
      out.kind = EffectKind::Tag;
      out.tag = key(in->key());
      out.value =
          in->ASSIGN() == nullptr || in->expression().empty() ? nullptr : expression(in->expression(0));
      break;
    case P::LIMIT:
      out.kind = EffectKind::Limit;
      limit(in, out);
      break;
    case P::REQUIRE:
      out.kind = EffectKind::Require;
      out.tag = in->name().empty() ? ast::Name{"", out.span} : name(in->name(0));
      out.role = in->FROM() == nullptr ? ast::Name() : role(in->name(), in->string());
      out.duration = in->WITHIN() == nullptr || in->NUMBER().empty() ? nullptr : number_of(in->NUMBER(0));
      break;
    case P::EMIT:
      out.kind = EffectKind::Emit;
      out.tag = in->string() == nullptr ? ast::Name{"", out.span}
                                        : plain_string(in->string(), "the name of an event");
      out.value = in->recordLiteral() == nullptr ? nullptr : record_literal({}, in->recordLiteral()).expr;
      break;
    case P::START:
      out.kind = EffectKind::Start;
      out.tag = in->name().empty() ? ast::Name{"", out.span} : name(in->name(0));
      for (P::ExpressionContext* each : in->expression()) {
        out.arguments.push_back(expression(each));
      }
      break;
    case P::ROUTE:
    case P::LABEL:
      out.kind = in->start->getType() == P::ROUTE ? EffectKind::Route : EffectKind::Label;
      out.tag = in->name().empty() ? ast::Name{"", out.span} : name(in->name(0));
      break;
    default:
      break;
  }
  return out;
}

/// `from role "NAME"`, of which `names` has the word as its second.
ast::Name Builder::role(const std::vector<P::NameContext*>& names, P::StringContext* text) {
  if (names.size() != 2 || text == nullptr) {
    return {};
  }
  const ast::Name word = name(names[1]);
  if (word.text != "role") {
    sink_.report(Kind::UnexpectedToken, word.span, {"`role`", "`" + word.text + "`"});
  }
  return plain_string(text, "a role");
}

/// `redact PATH`, or `redact PATTERN, ... in PATH`.
void Builder::redaction(P::EffectContext* in, ast::Effect& out) {
  const std::vector<P::PlaceContext*> places = in->place();
  if (in->IN() == nullptr && places.size() <= 1) {
    out.path = path(places.empty() ? nullptr : places[0], "`redact`");
    return;
  }
  const size_t patterns = in->IN() == nullptr ? places.size() : places.size() - 1;
  for (size_t i = 0; i < patterns; ++i) {
    const ast::Expr* pattern = path(places[i], nullptr);
    if (pattern->kind != ExprKind::String) {
      check_path(pattern, "`redact`");
    }
    out.redactions.push_back(pattern);
  }
  if (in->IN() == nullptr) {
    const source::Span end{file_, out.span.end, out.span.end};
    if (in->exception == nullptr) {
      auto& diagnostic =
          sink_.report(Kind::UnexpectedToken, end, {"`in` and the part to search", "the end of the effect"});
      diagnostic.notes.push_back(
          {{},
           "patterns are looked for in a path (`redact pii.email in result`); a path of its own takes a "
           "`redact` of its own"});
    }
    out.path = error(end).expr;
  } else {
    out.path = path(places.back(), "`redact`");
  }
}

ast::Decl* Builder::property(P::PropertyDeclContext* in) {
  auto* out = declare<ast::PropertyDecl>(ast::DeclKind::Property, in);
  out->name = name(in->name());
  if (out->name.text.empty() || in->hook() == nullptr) {
    return nullptr;
  }
  out->hook = hook(in->hook());
  targets(in->targets(), abi::find_hook(out->hook.text).value_or(abi::Hook::Call), out->targets);
  out->condition = in->WHERE() == nullptr ? nullptr : expression(in->expression());
  antlr4::tree::TerminalNode* verdict = in->ALLOW() != nullptr ? in->ALLOW() : in->DENY();
  if (verdict == nullptr) {
    return nullptr;
  }
  out->allowed = (in->ALLOW() != nullptr) == (in->NOT() == nullptr);
  out->expectation = span(verdict->getSymbol());
  return out;
}

/// A past call that cannot be told has no hook.
ast::TestGiven Builder::given(P::GivenContext* in) {
  ast::TestGiven out;
  out.span = span(in);
  if (in->PAST() == nullptr) {
    out.subject = name(in->anyName());
    out.value = expression(in->expression());
    return out;
  }
  out.subject = name(in->PAST());
  const ast::Name of = hook(in->hook());
  const std::optional<ast::TargetPattern> target = one_target(in->target(), of, in->exception != nullptr);
  if (!target) {
    return out;
  }
  out.hook = of;
  out.target = *target;
  out.value = in->recordLiteral() == nullptr ? nullptr : record_literal({}, in->recordLiteral()).expr;
  for (P::PastPartContext* part : in->pastPart()) {
    if (part->NUMBER() == nullptr || part->IDENTIFIER() == nullptr) {
      continue;
    }
    const ast::Name word = name(part->IDENTIFIER());
    const ast::Expr*& place = word.text == "ago" ? out.ago : out.times;
    if ((word.text != "ago" && word.text != "times") || place != nullptr) {
      sink_.report(Kind::UnexpectedToken, word.span, {"`times` or `ago`, once each", "`" + word.text + "`"});
    } else {
      place = number_of(part->NUMBER());
    }
  }
  return out;
}

ast::Decl* Builder::test(P::TestDeclContext* in) {
  auto* out = declare<ast::TestDecl>(ast::DeclKind::Test, in);
  out->title = plain_string(in->string(), "a title");
  cases(in->cases(), *out);
  for (P::GivenContext* each : in->given()) {
    ast::TestGiven made = given(each);
    if (made.value != nullptr || !made.hook.text.empty()) {
      out->givens.push_back(std::move(made));
    }
  }
  for (P::TestExpectContext* expect : in->testExpect()) {
    out->expects.push_back(expression(expect->expression()));
  }
  P::TestWhenContext* when = in->testWhen();
  if (when == nullptr) {
    return out->expects.empty() ? nullptr : out;  // nothing to run
  }
  if (when->hook() == nullptr) {
    if (when->expression() == nullptr) {
      return nullptr;
    }
    out->call = expression(when->expression());
  } else if (!test_request(when, *out)) {
    return nullptr;
  }
  for (P::TestThenContext* then : in->testThen()) {
    for (antlr4::tree::ParseTree* each : then->children) {
      auto* rule = dynamic_cast<antlr4::ParserRuleContext*>(each);
      if (rule == nullptr || rule->children.empty()) {
        continue;
      }
      out->expectations.push_back(rule->getRuleIndex() == P::RuleVerdict
                                      ? verdict(static_cast<P::VerdictContext*>(rule))
                                      : expectation(static_cast<P::ExpectationContext*>(rule)));
      check_value(*out, out->expectations.back());
    }
  }
  return out;
}

/// `when call db.query { ... }`: false when what is tested cannot be told.
bool Builder::test_request(P::TestWhenContext* in, ast::TestDecl& out) {
  out.hook = hook(in->hook());
  const std::optional<ast::TargetPattern> named =
      one_target(in->target(), out.hook, in->exception != nullptr);
  if (!named) {
    return false;
  }
  out.target = *named;
  out.input = in->recordLiteral() == nullptr ? nullptr : record_literal({}, in->recordLiteral()).expr;
  out.result = in->RETURNING() == nullptr ? nullptr : expression(in->expression());
  return true;
}

/// A hook has no value to expect; a name may be a column of the test's cases.
void Builder::check_value(const ast::TestDecl& test, const ast::TestExpectation& expectation) {
  if (test.call != nullptr || expectation.what.text != "result" ||
      expectation.value->kind == ExprKind::Error) {
    return;
  }
  const std::string found = text(expectation.what.span);
  for (const ast::Name& column : test.case_names) {
    if (column.text == found) {
      return;
    }
  }
  sink_.report(
      Kind::UnexpectedToken, expectation.what.span,
      {"an expectation (`allow`, `deny`, `hidden`, `listed`, `set`, `redacted`, `audit`, `tag`, `error`, "
       "`message`, `describe`)",
       "`" + found + "`"});
}

ast::Name Builder::by(P::ByContext* in) {
  if (in == nullptr) {
    return {};
  }
  ast::Name out = in->name() == nullptr ? name(in->OTHERWISE()) : name(in->name());
  if (in->NUMBER() != nullptr) {  // `by row 3`
    out.span.end = span(in).end;
    out.text += " " + text(span(in->NUMBER()->getSymbol()));
  }
  return out;
}

ast::TestExpectation Builder::expectation(P::ExpectationContext* in) {
  if (in->verdict() != nullptr) {
    ast::TestExpectation out = verdict(in->verdict());
    out.negated = in->NOT() != nullptr;
    out.span = span(in);
    return out;
  }
  ast::TestExpectation out;
  out.span = span(in);
  out.what = {"result", span(in->start)};
  out.value = expression(in->expression());
  out.by = by(in->by());
  return out;
}

ast::TestExpectation Builder::verdict(P::VerdictContext* in) {
  ast::TestExpectation out;
  out.span = span(in);
  out.what = {text(span(in->start)), span(in->start)};
  out.by = by(in->by());
  switch (in->start->getType()) {
    case P::SET:
      out.path = path(in->place(), "`set`");
      out.value = in->ASSIGN() == nullptr ? nullptr : expression(in->expression());
      break;
    case P::REDACTED:
      out.what.text = "redact";
      out.path = in->resultPath() == nullptr ? nullptr : result_path(in->resultPath());
      break;
    case P::AUDIT:
      if (in->METADATA() != nullptr || in->FULL() != nullptr) {
        out.word = name(in->METADATA() != nullptr ? in->METADATA() : in->FULL());
      }
      break;
    case P::TAG:
      out.word = key(in->key());
      out.value = in->ASSIGN() == nullptr ? nullptr : expression(in->expression());
      break;
    case P::ROUTE:
      out.to = in->TO() == nullptr ? ast::Name{} : key(in->key());
      [[fallthrough]];
    case P::REQUIRE:
      out.word = in->name().empty() ? ast::Name{"", out.span} : name(in->name(0));
      out.role = in->FROM() == nullptr ? ast::Name() : role(in->name(), in->string());
      break;
    case P::START:
    case P::LABEL:
      out.word = in->name().empty() ? ast::Name{"", out.span} : name(in->name(0));
      break;
    case P::EMIT:
      out.word = in->string() == nullptr ? ast::Name{"", out.span}
                                         : plain_string(in->string(), "the name of an event");
      break;
    case P::ERROR:
      if (in->IDENTIFIER() != nullptr) {
        out.word = name(in->IDENTIFIER());
      }
      break;
    case P::MESSAGE:
    case P::DESCRIBE:
      out.value = in->string() == nullptr ? error(out.span).expr : string(in->string()).expr;
      break;
    default:
      break;
  }
  return out;
}

}  // namespace catalyst::frontend
