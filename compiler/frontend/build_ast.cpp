#include "compiler/frontend/build_ast.h"

#include <algorithm>

#include "compiler/frontend/scan.h"

namespace catalyst::frontend {

using ast::DeclKind;
using diagnostics::Kind;

source::Span Builder::span(antlr4::Token* token) const {
  if (token == nullptr || token->getType() == antlr4::Token::EOF) {
    return {file_, 0, 0};
  }
  const auto* at = static_cast<const Token*>(token);
  return {file_, at->begin(), at->end()};
}

source::Span Builder::span(antlr4::ParserRuleContext* in) const {
  if (in == nullptr || in->start == nullptr) {
    return {file_, 0, 0};
  }
  source::Span out = span(in->start);
  const source::Span last = in->stop == nullptr ? out : span(in->stop);
  if (out.end == 0) {  // a broken declaration ended before this began
    return {file_, last.end, last.end};
  }
  out.end = std::max(out.end, last.end);
  return out;
}

ast::Decl* Builder::declaration(P::SegmentContext* segment) {
  too_deep_ = false;
  P::DeclarationContext* in = segment->declaration();
  ast::Decl* out = in == nullptr || in->declared() == nullptr ? nullptr : declared(in->declared());
  if (out == nullptr || in->annotation().empty()) {
    return out;
  }
  for (P::AnnotationContext* each : in->annotation()) {
    out->annotations.push_back(annotation(each));
  }
  out->span.begin = out->annotations.front().span.begin;
  return out;
}

ast::Decl* Builder::declared(P::DeclaredContext* in) {
  if (in->children.empty()) {
    return nullptr;
  }
  if (P::RuleDeclContext* of = in->ruleDecl()) {
    return rule(of);
  }
  if (P::DecisionDeclContext* of = in->decisionDecl()) {
    return decision(of);
  }
  if (P::RouteDeclContext* of = in->routeDecl()) {
    return route(of);
  }
  if (P::FixtureDeclContext* of = in->fixtureDecl()) {
    return fixture(of);
  }
  if (P::FactDeclContext* of = in->factDecl()) {
    return fact(of);
  }
  if (P::TestDeclContext* of = in->testDecl()) {
    return test(of);
  }
  if (P::PackDeclContext* of = in->packDecl()) {
    return pack(of);
  }
  if (P::ImportDeclContext* of = in->importDecl()) {
    return import(of);
  }
  if (P::DefaultDeclContext* of = in->defaultDecl()) {
    return default_rule(of);
  }
  if (P::ServerDeclContext* of = in->serverDecl()) {
    return server(of);
  }
  if (P::AgentDeclContext* of = in->agentDecl()) {
    return agent(of);
  }
  if (P::PropertyDeclContext* of = in->propertyDecl()) {
    return property(of);
  }
  if (P::EnumDeclContext* of = in->enumDecl()) {
    return enumeration(of);
  }
  if (P::RecordDeclContext* of = in->recordDecl()) {
    return record(of);
  }
  if (P::ListDeclContext* of = in->listDecl()) {
    return list(of);
  }
  if (P::FnDeclContext* of = in->fnDecl()) {
    return function(of);
  }
  return nullptr;
}

ast::Decl* Builder::pack(P::PackDeclContext* in) {
  auto* out = declare<ast::PackDecl>(DeclKind::Pack, in);
  out->name = name(in->name());
  if (out->name.text.empty()) {
    return nullptr;
  }
  for (P::AnyNameContext* part : in->anyName()) {
    const ast::Name more = name(part);
    out->name.text += "." + more.text;
    out->name.span.end = more.span.end;
  }
  if (P::VersionContext* version = in->version()) {
    out->version = {text(span(version)), span(version)};
  }
  return out;
}

ast::Decl* Builder::import(P::ImportDeclContext* in) {
  auto* out = declare<ast::ImportDecl>(DeclKind::Import, in);
  out->name = name(in->name(0));
  if (out->name.text.empty()) {
    return nullptr;
  }
  out->alias = out->name;
  for (P::AnyNameContext* part : in->anyName()) {
    out->alias = name(part);
    out->name.text += "." + out->alias.text;
    out->name.span.end = out->alias.span.end;
  }
  if (in->string() != nullptr) {
    out->from = plain_string(in->string(), "a path");
  }
  if (in->AS() != nullptr) {
    out->alias = name(in->name(1));
  }
  return out;
}

ast::Decl* Builder::default_rule(P::DefaultDeclContext* in) {
  if (in->ALLOW() == nullptr && in->DENY() == nullptr) {
    return nullptr;
  }
  auto* out = declare<ast::DefaultDecl>(DeclKind::Default, in);
  out->deny = in->DENY() != nullptr;
  if (in->hook() != nullptr) {
    out->hook = hook(in->hook());
  }
  return out;
}

ast::Decl* Builder::server(P::ServerDeclContext* in) {
  auto* out = declare<ast::ServerDecl>(DeclKind::Server, in);
  out->name = name(in->name());
  if (out->name.text.empty()) {
    return nullptr;
  }
  if (in->string() != nullptr) {
    out->schema = plain_string(in->string(), "the name of a schema file");
  }
  return out;
}

ast::Decl* Builder::agent(P::AgentDeclContext* in) {
  auto* out = declare<ast::AgentDecl>(DeclKind::Agent, in);
  out->name = name(in->name());
  if (out->name.text.empty()) {
    return nullptr;
  }
  if (in->IDENTIFIER() != nullptr) {
    const ast::Name word = name(in->IDENTIFIER());
    if (word.text != "card") {
      sink_.report(Kind::UnexpectedToken, word.span, {"`card`", "`" + word.text + "`"});
    }
    out->card =
        in->string() == nullptr ? ast::Name{} : plain_string(in->string(), "the name of an agent card");
  }
  return out;
}

ast::Decl* Builder::enumeration(P::EnumDeclContext* in) {
  auto* out = declare<ast::EnumDecl>(DeclKind::Enum, in, in->EXPORT());
  out->name = name(in->name());
  if (out->name.text.empty()) {
    return nullptr;
  }
  for (P::AnyNameContext* member : in->anyName()) {
    if (!member->children.empty()) {
      out->members.push_back(name(member));
    }
  }
  return out;
}

ast::Decl* Builder::record(P::RecordDeclContext* in) {
  auto* out = declare<ast::RecordDecl>(DeclKind::Record, in, in->EXPORT());
  out->name = name(in->name());
  if (out->name.text.empty()) {
    return nullptr;
  }
  for (P::FieldDeclContext* field : in->fieldDecl()) {
    if (field->anyName() != nullptr && !field->anyName()->children.empty()) {
      out->fields.push_back({name(field->anyName()), type(field->type())});
    }
  }
  return out;
}

ast::Decl* Builder::list(P::ListDeclContext* in) {
  auto* out = declare<ast::ListDecl>(DeclKind::List, in, in->EXPORT());
  out->name = name(in->name());
  if (out->name.text.empty()) {
    return nullptr;
  }
  out->type = type(in->type());
  out->value = expression(in->expression());
  return out;
}

ast::Decl* Builder::fact(P::FactDeclContext* in) {
  auto* out = declare<ast::FactDecl>(DeclKind::Fact, in, in->EXPORT());
  out->name = name(in->name());
  if (out->name.text.empty()) {
    return nullptr;
  }
  out->type = in->type() == nullptr ? nullptr : type(in->type());
  out->value = expression(in->expression());
  return out;
}

ast::Decl* Builder::function(P::FnDeclContext* in) {
  auto* out = declare<ast::FnDecl>(DeclKind::Fn, in, in->EXPORT());
  out->name = name(in->name());
  if (out->name.text.empty()) {
    return nullptr;
  }
  parameters(in->parameter(), *out);
  out->result = type(in->type());
  out->body = expression(in->expression());
  return out;
}

/// `Order`, or `shared.Order` of an imported pack; blanks around the dot do not count.
std::string Builder::type_name(P::TypeNameContext* in) {
  std::string out;
  for (P::WordContext* part : in->word()) {
    out += (out.empty() ? "" : ".") + text(span(part));
  }
  return out;
}

/// Recursion is bounded: nesting of types is counted before parsing.
const ast::TypeExpr* Builder::type(P::TypeContext* in) {
  auto* out = ast_.make<ast::TypeExpr>();
  out->span = span(in);
  if (in == nullptr) {
    out->name = "json";  // whatever stood there, nothing further is to be found wrong with it
    return out;
  }
  if (in->LIST() != nullptr || in->SET() != nullptr) {
    out->kind = in->LIST() != nullptr ? ast::TypeExprKind::List : ast::TypeExprKind::Set;
    out->element = type(in->type(0));
  } else if (in->MAP() != nullptr) {
    out->kind = ast::TypeExprKind::Map;
    P::TypeContext* key = in->type(0);
    if (key != nullptr && in->type(1) != nullptr && text(span(key)) != "string") {
      sink_.report(Kind::UnexpectedToken, span(key),
                   {"`string`, the type of all keys", "`" + text(span(key)) + "`"});
    }
    out->element = type(in->type(1));
  } else {
    out->name =
        in->typeName() == nullptr || in->typeName()->children.empty() ? "json" : type_name(in->typeName());
  }
  if (in->QUESTION() == nullptr) {
    return out;
  }
  auto* optional = ast_.make<ast::TypeExpr>();
  optional->kind = ast::TypeExprKind::Optional;
  optional->span = out->span;
  --out->span.end;
  optional->element = out;
  return optional;
}

}  // namespace catalyst::frontend
