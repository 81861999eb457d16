#include "compiler/check/expr.h"

#include <algorithm>

#include "compiler/check/inputs.h"
#include "compiler/check/literal.h"
#include "compiler/check/narrowing.h"

namespace catalyst::check {

using diagnostics::Kind;
using types::TypeKind;
using types::TypeTable;
using value::Value;

namespace {

/// What stands behind `??` in a suggestion.
std::string_view default_text(TypeKind kind) {
  switch (kind) {
    case TypeKind::Bool:
      return "false";
    case TypeKind::Int:
    case TypeKind::Decimal:
    case TypeKind::Float:
      return "0";
    case TypeKind::Duration:
      return "0s";
    case TypeKind::List:
    case TypeKind::Set:
      return "[]";
    case TypeKind::Map:
      return "{}";
    case TypeKind::String:
      return "\"\"";
    case TypeKind::Error:
    case TypeKind::Bytes:
    case TypeKind::Time:
    case TypeKind::Ip:
    case TypeKind::Json:
    case TypeKind::Enum:
    case TypeKind::Record:
    case TypeKind::Optional:
      return {};
  }
  return {};
}

bool is_scalar(TypeKind kind) {
  return kind == TypeKind::Bool || kind == TypeKind::Int || kind == TypeKind::Decimal ||
         kind == TypeKind::Float || kind == TypeKind::String || kind == TypeKind::Time ||
         kind == TypeKind::Duration || kind == TypeKind::Ip || kind == TypeKind::Enum;
}

}  // namespace

Typed ExprChecker::bad(Span span) { return {emit_.boolean(false, span), TypeTable::kError}; }

Typed ExprChecker::report(Kind kind, Span span, std::vector<std::string> arguments) {
  pack_.sink.report(kind, span, std::move(arguments));
  return bad(span);
}

Typed ExprChecker::optional_unguarded(const ast::Expr& at, TypeId type) {
  const std::string text = pack_.quote(at.span);
  auto& diagnostic = pack_.sink.report(Kind::OptionalUnguarded, at.span, {text, type_text(type)});
  const std::string_view other = default_text(kind(types_.strip_optional(type)));
  const std::string otherwise(other.empty() ? "..." : other);
  diagnostic.fixes.push_back({at.span, text + " is present and " + text,
                              "absent makes it false: `" + text + " is present and ...`"});
  diagnostic.fixes.push_back({at.span, "(" + text + " ?? " + otherwise + ")",
                              "absent counts as a value: `(" + text + " ?? " + otherwise + ")`"});
  diagnostic.fixes.push_back({at.span,
                              "(if " + text + " is present then " + text + " else " + otherwise + ")",
                              "two cases: `if " + text + " is present then ... else ...`"});
  scope_.add_user_note(diagnostic);
  return bad(at.span);
}

bool ExprChecker::known_present(const ast::Expr& expr) const {
  const std::string key = path_key(expr, scope_);
  if (key.empty()) {
    return false;
  }
  for (const std::string& present : scope_.present) {
    if (present == key) {
      return true;
    }
  }
  return false;
}

Typed ExprChecker::infer(const ast::Expr& expr, TypeId hint) {
  const Typed value = infer_kind(expr, hint);
  if (types_.is_optional(value.type) && !scope_.present.empty() && known_present(expr)) {
    const TypeId inner = types_.get(value.type).element;
    return {emit_.emit(Op::Unwrap, inner, expr.span, {value.id}), inner};
  }
  return value;
}

Typed ExprChecker::definite(const ast::Expr& expr, TypeId hint) {
  const Typed value = infer(expr, hint);
  if (!types_.is_optional(value.type)) {
    return value;
  }
  return reject_json(value, expr) ? bad(expr.span) : optional_unguarded(expr, value.type);
}

ExprId ExprChecker::expect(const ast::Expr& expr, TypeId type) {
  return convert(infer(expr, type), type, expr).id;
}

ExprId ExprChecker::deciding_condition(const ast::Expr& expr) {
  const size_t errors = pack_.sink.error_count();
  const ExprId out = condition(expr);
  const value::Value* const constant = emit_.constant_value(out);
  // What could not be read stands there as a constant.
  if (constant != nullptr && pack_.well_formed && pack_.sink.error_count() == errors) {
    pack_.sink.report(constant->a.boolean ? Kind::AlwaysTrue : Kind::AlwaysFalse, expr.span);
  }
  return out;
}

ExprId ExprChecker::text(const ast::Expr& expr) {
  const Typed value = definite(expr, TypeTable::kString);
  if (is_bad(value) || value.type == TypeTable::kString) {
    return value.id;
  }
  if (reject_json(value, expr)) {
    return value.id;
  }
  if (!is_scalar(kind(value.type))) {
    return report(Kind::TypeMismatch, expr.span, {"text", type_text(value.type)}).id;
  }
  return emit_.emit(Op::Interpolate, TypeTable::kString, expr.span, {value.id});
}

bool ExprChecker::converts(TypeId from, TypeId to) const {
  if (from == to || from == TypeTable::kError || to == TypeTable::kError) {
    return true;
  }
  if (types_.is_optional(to)) {
    return !types_.is_optional(from) && converts(from, types_.get(to).element);
  }
  return from == TypeTable::kInt && to == TypeTable::kDecimal;
}

Typed ExprChecker::convert(Typed value, TypeId wanted, const ast::Expr& at) {
  if (value.type == wanted || is_bad(value) || wanted == TypeTable::kError || !wanted.valid()) {
    return {value.id, value.type};
  }
  if (types_.is_optional(wanted) && !types_.is_optional(value.type)) {
    const Typed inner = convert(value, types_.get(wanted).element, at);
    return is_bad(inner) ? inner : Typed{emit_.emit(Op::Some, wanted, at.span, {inner.id}), wanted};
  }
  if (types_.strip_optional(value.type) == wanted) {
    return optional_unguarded(at, value.type);
  }
  if (value.type == TypeTable::kInt && wanted == TypeTable::kDecimal) {
    return {emit_.emit(Op::IntToDecimal, wanted, at.span, {value.id}), wanted};
  }
  if (const Value* constant = emit_.constant_value(value.id)) {
    if (wanted == TypeTable::kJson) {
      return {emit_.constant(*constant, wanted, at.span), wanted};
    }
    if (wanted == TypeTable::kFloat && value.type == TypeTable::kInt) {
      return {emit_.emit(Op::IntToFloat, wanted, at.span, {value.id}), wanted};
    }
    if (wanted == TypeTable::kFloat && value.type == TypeTable::kDecimal) {
      return {emit_.emit(Op::DecimalToFloat, wanted, at.span, {value.id}), wanted};
    }
  }
  if (types_.strip_optional(value.type) == TypeTable::kJson) {
    reject_json(value, at);
    return bad(at.span);
  }
  return report(Kind::TypeMismatch, at.span, {type_text(wanted), type_text(value.type)});
}

Typed ExprChecker::infer_kind(const ast::Expr& expr, TypeId hint) {
  const bool fits = pack_.enter(expr.span);
  const Typed value = fits ? dispatch(expr, hint) : bad(expr.span);
  pack_.leave();
  return value;
}

Typed ExprChecker::dispatch(const ast::Expr& expr, TypeId hint) {
  switch (expr.kind) {
    case ast::ExprKind::Error:
      return bad(expr.span);
    case ast::ExprKind::Bool:
      return {emit_.boolean(static_cast<const ast::BoolExpr&>(expr).value, expr.span), TypeTable::kBool};
    case ast::ExprKind::Number:
      return infer_number(static_cast<const ast::NumberExpr&>(expr), hint, false);
    case ast::ExprKind::String:
      return infer_string(static_cast<const ast::StringExpr&>(expr), hint);
    case ast::ExprKind::Name:
      return infer_name(static_cast<const ast::NameExpr&>(expr), hint);
    case ast::ExprKind::Member:
    case ast::ExprKind::Index:
      return infer_path(expr);
    case ast::ExprKind::Call:
      return infer_call(static_cast<const ast::CallExpr&>(expr));
    case ast::ExprKind::Unary:
      return infer_unary(static_cast<const ast::UnaryExpr&>(expr), hint);
    case ast::ExprKind::Binary:
      return infer_binary(static_cast<const ast::BinaryExpr&>(expr), hint);
    case ast::ExprKind::Presence:
      return infer_presence(static_cast<const ast::PresenceExpr&>(expr));
    case ast::ExprKind::Cast:
      return infer_cast(static_cast<const ast::CastExpr&>(expr));
    case ast::ExprKind::If:
      return infer_if(static_cast<const ast::IfExpr&>(expr), hint);
    case ast::ExprKind::Quantifier:
      return infer_quantifier(static_cast<const ast::QuantifierExpr&>(expr));
    case ast::ExprKind::Comprehension:
      return infer_comprehension(static_cast<const ast::ComprehensionExpr&>(expr), hint);
    case ast::ExprKind::Window:
      return infer_window(static_cast<const ast::WindowExpr&>(expr));
    case ast::ExprKind::List:
      return infer_list(static_cast<const ast::ListExpr&>(expr), hint);
    case ast::ExprKind::Record:
      return infer_record(static_cast<const ast::RecordExpr&>(expr), hint);
  }
  return bad(expr.span);
}

Typed ExprChecker::infer_number(const ast::NumberExpr& expr, TypeId hint, bool negative) {
  const std::string shown = (negative ? "-" : "") + expr.digits + expr.unit;
  const Number number = read_number(expr.digits, expr.unit, negative);
  const TypeId wanted = hint.valid() ? types_.strip_optional(hint) : hint;
  switch (number.form) {
    case NumberForm::OutOfRange:
      return report(Kind::NumberOutOfRange, expr.span,
                    {shown, expr.unit.empty() || expr.unit == "%" ? "a number" : "a number of this unit"});
    case NumberForm::UnknownUnit:
      return bad(expr.span);
    case NumberForm::Duration:
      return {emit_.constant(number.value, TypeTable::kDuration, expr.span), TypeTable::kDuration};
    case NumberForm::Int: {
      const ExprId id = emit_.constant(number.value, TypeTable::kInt, expr.span);
      const Typed value{id, TypeTable::kInt};
      return wanted == TypeTable::kDecimal || wanted == TypeTable::kFloat ? convert(value, wanted, expr)
                                                                          : value;
    }
    case NumberForm::Decimal: {
      const Typed value{emit_.constant(number.value, TypeTable::kDecimal, expr.span), TypeTable::kDecimal};
      return wanted == TypeTable::kFloat ? convert(value, wanted, expr) : value;
    }
  }
  return bad(expr.span);
}

Typed ExprChecker::enum_member(std::string_view member, TypeId type, Span span) {
  const types::Type& about = types_.get(type);
  std::vector<std::string_view> members;
  for (const std::string& each : about.members) {
    if (each == member) {
      return {emit_.string(member, type, span), type};
    }
    members.emplace_back(each);
  }
  auto& diagnostic = pack_.sink.report(Kind::UnknownEnumMember, span, {std::string(member), type_text(type)});
  const std::string_view near = diagnostics::did_you_mean(member, members);
  if (!near.empty()) {
    const bool quoted = pack_.sources.text(span).starts_with('"');
    const std::string text = quoted ? "\"" + std::string(near) + "\"" : std::string(near);
    diagnostic.fixes.push_back({span, text, "did you mean `" + std::string(near) + "`?"});
  }
  scope_.add_user_note(diagnostic);
  return bad(span);
}

Typed ExprChecker::infer_string(const ast::StringExpr& expr, TypeId hint) {
  if (!expr.is_plain()) {
    return interpolate(expr);
  }
  const std::string text = expr.plain();
  const TypeId wanted = hint.valid() ? types_.strip_optional(hint) : TypeTable::kString;
  std::optional<Value> value;
  std::string_view form;
  switch (kind(wanted)) {
    case TypeKind::Enum:
      return enum_member(text, wanted, expr.span);
    case TypeKind::Ip:
      // A list of addresses may hold networks: it is there to be tested with `in`.
      value = read_ip(text, scope_.kind == ScopeKind::Constant);
      form = "an IP address";
      break;
    case TypeKind::Time:
      value = read_time(text);
      form = "a time like 2026-01-31T12:00:00Z";
      break;
    case TypeKind::Duration:
      value = read_duration(text);
      form = "a duration like 30s";
      break;
    case TypeKind::Error:
    case TypeKind::Bool:
    case TypeKind::Int:
    case TypeKind::Decimal:
    case TypeKind::Float:
    case TypeKind::String:
    case TypeKind::Bytes:
    case TypeKind::Json:
    case TypeKind::Record:
    case TypeKind::List:
    case TypeKind::Set:
    case TypeKind::Map:
    case TypeKind::Optional:
      return {emit_.string(text, TypeTable::kString, expr.span), TypeTable::kString};
  }
  if (!value) {
    return report(Kind::InvalidLiteral, expr.span, {text, std::string(form)});
  }
  return {emit_.constant(*value, wanted, expr.span), wanted};
}

Typed ExprChecker::interpolate(const ast::StringExpr& expr) {
  std::vector<ExprId> parts;
  bool failed = false;
  for (const ast::StringPart& part : expr.parts) {
    if (part.value == nullptr) {
      parts.push_back(emit_.string(part.text, TypeTable::kString, expr.span));
      continue;
    }
    const Typed value = definite(*part.value);
    if (is_bad(value)) {
      failed = true;
    } else if (reject_json(value, *part.value)) {
      failed = true;
    } else if (!is_scalar(kind(value.type))) {
      pack_.sink.report(Kind::TypeMismatch, part.value->span,
                        {"a value that has a text", type_text(value.type)});
      failed = true;
    }
    parts.push_back(value.id);
  }
  if (failed) {
    return bad(expr.span);
  }
  return sized({emit_.emit(Op::Interpolate, TypeTable::kString, expr.span, parts), TypeTable::kString},
               parts.size(), expr.span);
}

Typed ExprChecker::infer_name(const ast::NameExpr& expr, TypeId hint) {
  if (const Local* local = scope_.find_local(expr.name)) {
    return {emit_.emit(Op::Local, local->type, expr.span, {}, local->index), local->type};
  }
  if (scope_.cases != nullptr) {
    const auto cell = scope_.cases->find(expr.name);
    if (cell != scope_.cases->end() && cell->second->what.text == "result") {
      return infer(*cell->second->value, hint);
    }
  }
  const TypeId wanted = hint.valid() ? types_.strip_optional(hint) : TypeTable::kError;
  if (kind(wanted) == TypeKind::Enum) {
    const std::vector<std::string>& members = types_.get(wanted).members;
    if (std::find(members.begin(), members.end(), expr.name) != members.end()) {
      return {emit_.string(expr.name, wanted, expr.span), wanted};
    }
  }
  if (const Symbol* symbol = pack_.names.find(expr.name, expr.span.file)) {
    if (symbol->kind == SymbolKind::Fixture) {
      return scope_.cases != nullptr
                 ? fixture(symbol->index, hint)
                 : report(Kind::NotAValue, expr.span, {expr.name, "a fixture, for tests alone"});
    }
    return symbol_value(*symbol, expr.name, expr.span);
  }
  if (is_input_root(expr.name)) {
    if (!input_allowed(expr.name, expr.span)) {
      return bad(expr.span);
    }
    if (const InputMember* member = find_input(expr.name, "")) {
      const TypeId type = input_type(*member);
      return {emit_.slot(member->slot, {}, type, expr.span), type};
    }
    return report(Kind::NotAValue, expr.span,
                  {expr.name, "a group of inputs (" + quote_list(input_members(expr.name)) + ")"});
  }
  if (pack_.type_names.find_enum(expr.name, expr.span.file).valid()) {
    return report(Kind::NotAValue, expr.span, {expr.name, "an enum type"});
  }
  if (Import* import = pack_.names.find_import(expr.name, expr.span.file)) {
    import->used = true;
    return report(Kind::NotAValue, expr.span, {expr.name, "an imported pack"});
  }
  return unknown_name(expr, hint);
}

Typed ExprChecker::symbol_value(const Symbol& symbol, const std::string& name, Span span) {
  if (symbol.kind == SymbolKind::Function) {
    return report(Kind::NotAValue, span, {name, "a function"});
  }
  if (scope_.kind == ScopeKind::Constant) {
    return report(Kind::NotConstant, span, {pack_.quote(span)});
  }
  if (symbol.kind == SymbolKind::List) {
    return pack_.use_list(symbol.index, span);
  }
  if (scope_.kind == ScopeKind::Function) {
    return report(Kind::ImpureFunction, span, {"the fact", name});
  }
  return pack_.use_fact(symbol.index, scope_, span);
}

Typed ExprChecker::fixture(uint32_t index, TypeId hint) {
  const ast::FixtureDecl& fixture = pack_.use_fixture(index);
  if (fixture.type == nullptr) {
    return infer(*fixture.value, hint);
  }
  const TypeId type = pack_.type_names.resolve(*fixture.type);
  return convert(infer(*fixture.value, type), type, *fixture.value);
}

Typed ExprChecker::unknown_name(const ast::NameExpr& expr, TypeId hint) {
  const TypeId wanted = hint.valid() ? types_.strip_optional(hint) : TypeTable::kError;
  if (kind(wanted) == TypeKind::Enum) {
    return enum_member(expr.name, wanted, expr.span);
  }
  std::vector<std::string_view> candidates;
  for (const Local& local : scope_.locals) {
    candidates.push_back(local.name);
  }
  for (const auto& [name, symbol] : pack_.names.spaces[pack_.names.space_of(expr.span.file)].symbols) {
    const bool visible = symbol.kind == SymbolKind::Fact
                             ? scope_.kind == ScopeKind::Rule || scope_.kind == ScopeKind::Fact
                             : symbol.kind != SymbolKind::Fixture || scope_.cases != nullptr;
    if (visible) {
      candidates.push_back(name);
    }
  }
  for (const std::string_view root : input_roots(scope_.hook)) {
    candidates.push_back(root);
  }
  std::sort(candidates.begin(), candidates.end());
  auto& diagnostic = pack_.sink.report(Kind::UnknownName, expr.span, {expr.name});
  suggest(diagnostic, expr.span, expr.name, candidates);
  hint_module(diagnostic, expr.name);
  return bad(expr.span);
}

Typed ExprChecker::infer_unary(const ast::UnaryExpr& expr, TypeId hint) {
  if (expr.op == ast::UnaryOp::Not) {
    return {emit_.emit(Op::Not, TypeTable::kBool, expr.span, {condition(*expr.operand)}), TypeTable::kBool};
  }
  if (expr.operand->kind == ast::ExprKind::Number) {
    return infer_number(static_cast<const ast::NumberExpr&>(*expr.operand), hint, true);
  }
  const Typed value = definite(*expr.operand, hint);
  if (is_bad(value) || reject_json(value, *expr.operand)) {
    return bad(expr.span);
  }
  const TypeKind number = kind(value.type);
  if (number != TypeKind::Int && number != TypeKind::Decimal && number != TypeKind::Float &&
      number != TypeKind::Duration) {
    return report(Kind::OperatorTypes, expr.span, {"-", type_text(value.type)});
  }
  return {emit_.emit(Op::Neg, value.type, expr.span, {value.id}), value.type};
}

Typed ExprChecker::infer_presence(const ast::PresenceExpr& expr) {
  const Typed value = infer_kind(*expr.operand, {});
  if (is_bad(value)) {
    return value;
  }
  if (!types_.is_optional(value.type)) {
    pack_.sink.report(Kind::AlwaysPresent, expr.span,
                      {pack_.quote(expr.operand->span), type_text(value.type)});
    return {emit_.boolean(expr.present, expr.span), TypeTable::kBool};
  }
  const ExprId present = emit_.emit(Op::IsPresent, TypeTable::kBool, expr.span, {value.id});
  return negate({present, TypeTable::kBool}, expr.span, !expr.present);
}

Typed ExprChecker::negate(Typed truth, Span span, bool negated) {
  return negated ? Typed{emit_.emit(Op::Not, TypeTable::kBool, span, {truth.id}), TypeTable::kBool} : truth;
}

}  // namespace catalyst::check
