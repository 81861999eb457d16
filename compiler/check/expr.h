#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ast/ast.h"
#include "compiler/check/builtins.h"
#include "compiler/check/pack.h"
#include "compiler/check/scope.h"

namespace catalyst::check {

/// Checks expressions of one scope and writes them into the module. After a diagnostic it goes on with an
/// expression of type kError, which fits everywhere, so that one mistake is reported once.
class ExprChecker {
 public:
  ExprChecker(Pack& pack, Scope& scope)
      : pack_(pack), scope_(scope), types_(pack.types), emit_(pack.emitter) {}

  /// The type of `expr` is what it is; `hint` (optional) tells literals and bare names what is expected.
  Typed infer(const ast::Expr& expr, TypeId hint = {});
  /// As infer, and reports a value that may be absent.
  Typed definite(const ast::Expr& expr, TypeId hint = {});
  /// An expression of exactly `type`, converted when the language converts.
  ExprId expect(const ast::Expr& expr, TypeId type);
  /// A condition: a bool that is always there.
  ExprId condition(const ast::Expr& expr) { return expect(expr, types::TypeTable::kBool); }
  /// The same for one that stands alone and decides something: a constant is warned of.
  ExprId deciding_condition(const ast::Expr& expr);
  /// A string, or the text of another scalar.
  ExprId text(const ast::Expr& expr);
  /// `value` as `wanted`; reports when that is impossible.
  Typed convert(Typed value, TypeId wanted, const ast::Expr& at);
  [[nodiscard]] bool converts(TypeId from, TypeId to) const;

 private:
  struct Step;

  // expr.cpp
  Typed infer_kind(const ast::Expr& expr, TypeId hint);
  Typed dispatch(const ast::Expr& expr, TypeId hint);
  Typed infer_number(const ast::NumberExpr& expr, TypeId hint, bool negative);
  Typed infer_string(const ast::StringExpr& expr, TypeId hint);
  Typed interpolate(const ast::StringExpr& expr);
  Typed infer_name(const ast::NameExpr& expr, TypeId hint);
  Typed symbol_value(const Symbol& symbol, const std::string& name, Span span);
  Typed unknown_name(const ast::NameExpr& expr, TypeId hint);
  Typed fixture(uint32_t index, TypeId hint);
  Typed infer_unary(const ast::UnaryExpr& expr, TypeId hint);
  Typed infer_presence(const ast::PresenceExpr& expr);
  Typed infer_cast(const ast::CastExpr& expr);
  Typed infer_if(const ast::IfExpr& expr, TypeId hint);
  Typed enum_member(std::string_view member, TypeId type, Span span);
  Typed unify_branches(Typed& then_value, Typed& else_value, const ast::Expr& at);

  // expr_path.cpp: members and elements
  Typed infer_path(const ast::Expr& expr);
  Typed infer_input(const ast::NameExpr& root, std::vector<Step>& steps, const ast::Expr& whole);
  Typed read_slot(abi::InputRoot root, std::vector<std::string> path, TypeId type, std::vector<Step>& steps,
                  size_t next);
  Typed infer_imported(Import& import, std::vector<Step>& steps, const ast::Expr& whole);
  Typed walk_value(Typed value, std::span<const Step> steps);
  Typed step_value(Typed value, const Step& step);
  TypeId static_step(TypeId record, const Step& step);
  bool input_allowed(std::string_view root, Span span);
  TypeId input_type(const struct InputMember& member);
  Typed unknown_member(TypeId record, const Step& step);
  [[nodiscard]] bool known_present(const ast::Expr& expr) const;

  // expr_binary.cpp
  Typed infer_binary(const ast::BinaryExpr& expr, TypeId hint);
  Typed infer_connective(const ast::BinaryExpr& expr);
  Typed infer_coalesce(const ast::BinaryExpr& expr, TypeId hint);
  Typed infer_equality(const ast::BinaryExpr& expr);
  Typed infer_order(const ast::BinaryExpr& expr);
  Typed infer_arithmetic(const ast::BinaryExpr& expr, TypeId hint);
  Typed arithmetic(const ast::BinaryExpr& expr, Op op, Typed left, Typed right);
  Typed infer_string_test(const ast::BinaryExpr& expr);
  Typed infer_pattern(const ast::BinaryExpr& expr);
  /// Both sides, the one that knows its type first; numbers made alike. False after a diagnostic.
  bool operands(const ast::BinaryExpr& expr, Typed& left, Typed& right, TypeId hint);
  bool reject_json(const Typed& value, const ast::Expr& at);
  /// The same where absent can be compared: when one side is optional, both are.
  bool lifted_operands(const ast::BinaryExpr& expr, Typed& left, Typed& right);
  Typed operator_error(const ast::BinaryExpr& expr, TypeId left, TypeId right);
  [[nodiscard]] bool takes_hint(const ast::Expr& expr) const;

  // expr_collection.cpp
  Typed infer_list(const ast::ListExpr& expr, TypeId hint);
  Typed infer_record(const ast::RecordExpr& expr, TypeId hint);
  Typed record_of(const ast::RecordExpr& expr, TypeId type);
  /// `literal`, unless it has more parts than one expression may have.
  Typed sized(Typed literal, size_t parts, Span span);
  Typed infer_quantifier(const ast::QuantifierExpr& expr);
  Typed infer_comprehension(const ast::ComprehensionExpr& expr, TypeId hint);
  Typed collection(const ast::Expr& expr);
  uint32_t bind(TypeId collection, const ast::Name& variable, const ast::Name& value_variable);
  void unbind(size_t locals, uint32_t variable);
  [[nodiscard]] bool is_label(const ast::Expr& expr) const;
  Typed infer_in(const ast::BinaryExpr& expr);
  Typed ip_inside(const ast::BinaryExpr& expr, Typed address);
  Typed inside_any(Typed networks, Typed address, Span span);
  Typed infer_contains(const ast::BinaryExpr& expr);
  Typed infer_string_contains(const ast::BinaryExpr& expr);
  Typed has(const ast::Expr& collection_expr, const ast::Expr& element_expr, const ast::BinaryExpr& at);
  Typed infer_set_operation(const ast::BinaryExpr& expr, TypeId hint);

  // expr_call.cpp
  Typed infer_call(const ast::CallExpr& expr);
  Typed call_symbol(const Symbol& symbol, const ast::Name& name, std::span<const ast::Expr* const> arguments,
                    Span span);
  Typed call_function(uint32_t index, const ast::Name& name, std::span<const ast::Expr* const> arguments,
                      Span span);
  /// The module that an expression names, or nullptr.
  Import* module_of(const ast::Expr& expr) const;
  /// Says that a name is a module of the library when it is one, but not imported.
  void hint_module(diagnostics::Diagnostic& diagnostic, std::string_view name) const;
  Typed call_builtin(std::string_view name, Span name_span, std::span<const ast::Expr* const> arguments,
                     Span span);

  // expr_window.cpp: what happened in the past
  Typed infer_window(const ast::WindowExpr& expr);
  /// Of what is counted; invalid after a diagnostic.
  ir::WindowId window(const ast::WindowExpr& expr, Span span);
  ExprId window_value(const ast::WindowExpr& expr, ir::WindowKind kind, ExprChecker& event);

  Typed pattern_number(std::string_view function, const ast::Expr& argument);
  bool known_zone(const Typed& zone, const ast::Expr& at);

  Typed bad(Span span);
  Typed report(diagnostics::Kind kind, Span span, std::vector<std::string> arguments);
  Typed optional_unguarded(const ast::Expr& at, TypeId type);
  Typed negate(Typed truth, Span span, bool negated);
  [[nodiscard]] bool is_bad(const Typed& value) const { return value.type == types::TypeTable::kError; }
  [[nodiscard]] types::TypeKind kind(TypeId type) const { return types_.kind(type); }
  [[nodiscard]] std::string type_text(TypeId type) const { return "`" + types_.text(type) + "`"; }

  Pack& pack_;
  Scope& scope_;
  types::TypeTable& types_;
  Emitter& emit_;
};

}  // namespace catalyst::check
