#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/diagnostics/diagnostic.h"
#include "compiler/frontend/parse.h"
#include "grammar/CatalystParser.h"
#include "runtime/abi/hook.h"

namespace catalyst::frontend {

/// Turns the parse tree of one declaration into the syntax tree and reports what the grammar cannot say.
/// Parse trees of broken declarations are incomplete: any child may be missing, and every function here takes
/// a null context.
class Builder {
 public:
  using P = grammar::CatalystParser;

  Builder(const source::SourceMap& sources, source::FileId file, diagnostics::Sink& sink,
          const ParseLimits& limits, ast::Ast& ast)
      : sources_(sources), file_(file), sink_(sink), limits_(limits), ast_(ast) {}

  /// nullptr when not even its kind and its name could be read.
  ast::Decl* declaration(P::SegmentContext* segment);

 private:
  ast::Decl* declared(P::DeclaredContext* in);
  /// An expression and how many levels it has; every place that nests checks the level against the limit.
  struct Node {
    const ast::Expr* expr = nullptr;
    uint32_t depth = 1;
  };
  struct Fold;  // state of folding one flat expression, build_expr.cpp

  // build_ast.cpp: declarations
  ast::Decl* pack(P::PackDeclContext* in);
  ast::Decl* import(P::ImportDeclContext* in);
  ast::Decl* default_rule(P::DefaultDeclContext* in);
  ast::Decl* server(P::ServerDeclContext* in);
  ast::Decl* agent(P::AgentDeclContext* in);
  ast::Decl* enumeration(P::EnumDeclContext* in);
  ast::Decl* record(P::RecordDeclContext* in);
  ast::Decl* list(P::ListDeclContext* in);
  ast::Decl* fact(P::FactDeclContext* in);
  ast::Decl* function(P::FnDeclContext* in);
  const ast::TypeExpr* type(P::TypeContext* in);
  std::string type_name(P::TypeNameContext* in);

  // build_rule.cpp: rules and tests
  ast::Decl* rule(P::RuleDeclContext* in);
  ast::Annotation annotation(P::AnnotationContext* in);
  ast::Effect effect(P::EffectContext* in);
  void limit(P::EffectContext* in, ast::Effect& out);
  const ast::Expr* number_of(antlr4::tree::TerminalNode* in);
  void redaction(P::EffectContext* in, ast::Effect& out);
  ast::Decl* property(P::PropertyDeclContext* in);
  ast::Decl* test(P::TestDeclContext* in);
  ast::TestGiven given(P::GivenContext* in);
  /// Nothing after a diagnostic: there is no one thing that is named.
  std::optional<ast::TargetPattern> one_target(P::TargetContext* in, const ast::Name& hook, bool broken);
  bool test_request(P::TestWhenContext* in, ast::TestDecl& out);
  ast::TestExpectation expectation(P::ExpectationContext* in);
  ast::TestExpectation verdict(P::VerdictContext* in);
  ast::Name by(P::ByContext* in);
  ast::Name role(const std::vector<P::NameContext*>& names, P::StringContext* text);
  void check_value(const ast::TestDecl& test, const ast::TestExpectation& expectation);
  ast::Name hook(P::HookContext* in);
  enum class Asked : uint8_t { Pattern, One };  // of a rule; of a test, which names one thing without `*`
  void targets(P::TargetsContext* in, abi::Hook hook, std::vector<ast::TargetPattern>& out);
  /// Nothing when the target was reported.
  std::optional<ast::TargetPattern> target(P::TargetContext* in, abi::Hook hook, Asked asked);
  const ast::Expr* path(P::PlaceContext* in, const char* user);
  void check_path(const ast::Expr* expr, const char* user);
  const ast::Expr* result_path(P::ResultPathContext* in);

  // build_decision.cpp: decisions, tables, fixtures, cases of tests
  ast::Decl* decision(P::DecisionDeclContext* in);
  void parameters(const std::vector<P::ParameterContext*>& in, ast::FnDecl& out);
  void otherwise(P::OtherwiseContext* in, ast::DecisionDecl& out);
  void table(P::TableContext* in, ast::DecisionDecl& out);
  void row(P::TableRowContext* in, ast::DecisionDecl& out);
  void wrong_cell_count(source::Span row, size_t found, size_t wanted, diagnostics::Note note);
  ast::CellTest cell_test(P::CellTestContext* in);
  const ast::Expr* cell_value(P::CellValueContext* in);
  ast::Decl* fixture(P::FixtureDeclContext* in);
  void cases(P::CasesContext* in, ast::TestDecl& out);

  // build_route.cpp: routes
  ast::Decl* route(P::RouteDeclContext* in);
  ast::RouteClause route_clause(P::RouteClauseContext* in);
  ast::Name known_word(ast::Name found, const std::vector<std::string_view>& known);

  // build_expr.cpp: expressions
  const ast::Expr* expression(P::ExpressionContext* in) { return expr(in).expr; }
  Node expr(P::ExpressionContext* in);
  Node fold(Fold& state, int least);
  Node fold_operand(Fold& state);
  Node operand_core(P::OperandContext* in);
  Node postfix(Node object, P::PostfixContext* in);
  Node path_step(Node object, P::PathStepContext* in);
  Node primary(P::PrimaryContext* in);
  Node if_expr(P::IfExpressionContext* in);
  Node quantifier(P::QuantifierContext* in);
  Node window(P::WindowContext* in);
  Node list_literal(P::ListLiteralContext* in);
  Node record_literal(ast::Name type_name, P::RecordLiteralContext* in);
  Node qualified_record(Node type_name, P::RecordLiteralContext* in);
  void variables(P::VariablesContext* in, ast::Name& first, ast::Name& second);
  Node limited(Node node);
  Node error(source::Span span);

  // build_literal.cpp: names, numbers, strings
  Node number(antlr4::Token* token);
  Node string(P::StringContext* in);
  void string_part(P::StringPartContext* in, ast::StringExpr& out, uint32_t& depth);
  void escape(source::Span span, std::string& out);
  /// A string in a place where nothing can be interpolated: a title, a key, the name of a file.
  ast::Name plain_string(P::StringContext* in, const char* what);
  ast::Name key(P::KeyContext* in);
  ast::Name name(P::NameContext* in);
  ast::Name name(P::AnyNameContext* in);
  ast::Name name(antlr4::tree::TerminalNode* in);

  template <class T>
  T* make(ast::ExprKind kind, source::Span span) {
    T* node = ast_.make<T>();
    node->kind = kind;
    node->span = span;
    return node;
  }
  template <class T>
  T* declare(ast::DeclKind kind, antlr4::ParserRuleContext* in) {
    T* node = ast_.make<T>();
    node->kind = kind;
    node->span = span(in);
    return node;
  }
  /// The same for a declaration that may be written `export ...`.
  template <class T>
  T* declare(ast::DeclKind kind, antlr4::ParserRuleContext* in, antlr4::tree::TerminalNode* exported) {
    T* node = declare<T>(kind, in);
    node->exported = exported != nullptr;
    return node;
  }
  source::Span span(antlr4::ParserRuleContext* in) const;
  source::Span span(antlr4::Token* token) const;
  std::string text(source::Span where) const { return std::string(sources_.text(where)); }

  const source::SourceMap& sources_;
  source::FileId file_;
  diagnostics::Sink& sink_;
  const ParseLimits& limits_;
  ast::Ast& ast_;
  bool too_deep_ = false;  // reported for this declaration
};

}  // namespace catalyst::frontend
