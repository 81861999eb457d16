#include "compiler/check/expr.h"
#include "compiler/check/narrowing.h"

// `x as T?` and `if`: what one value is read as, and two that become one.

namespace catalyst::check {

using diagnostics::Kind;
using types::TypeKind;
using types::TypeTable;

Typed ExprChecker::infer_cast(const ast::CastExpr& expr) {
  const Typed value = infer(*expr.operand);
  const TypeId type = pack_.type_names.resolve(*expr.type);
  if (is_bad(value) || type == TypeTable::kError) {
    return bad(expr.span);
  }
  if (types_.strip_optional(value.type) != TypeTable::kJson) {
    return report(Kind::CastNotJson, expr.operand->span, {type_text(value.type)});
  }
  if (!types_.is_optional(type)) {
    const std::string text = types_.text(type);
    auto& diagnostic = pack_.sink.report(Kind::CastNotOptional, expr.type->span, {text});
    diagnostic.fixes.push_back({expr.type->span, text + "?", "write `" + text + "?`"});
    return bad(expr.span);
  }
  return {emit_.emit(Op::Cast, type, expr.span, {value.id}), type};
}

Typed ExprChecker::infer_if(const ast::IfExpr& expr, TypeId hint) {
  const ExprId condition_id = condition(*expr.condition);
  Typed then_value;
  Typed else_value;
  {
    const PresentGuard guard(scope_, paths_present_when(*expr.condition, true, scope_));
    then_value = infer(*expr.then_value, hint);
  }
  {
    const PresentGuard guard(scope_, paths_present_when(*expr.condition, false, scope_));
    const bool from_then = !hint.valid() && !is_bad(then_value);
    else_value = infer(*expr.else_value, from_then ? then_value.type : hint);
  }
  const Typed both = unify_branches(then_value, else_value, *expr.else_value);
  if (is_bad(both)) {
    return bad(expr.span);
  }
  return {emit_.emit(Op::If, both.type, expr.span, {condition_id, then_value.id, else_value.id}), both.type};
}

Typed ExprChecker::unify_branches(Typed& then_value, Typed& else_value, const ast::Expr& at) {
  if (is_bad(then_value) || is_bad(else_value)) {
    return bad(at.span);
  }
  if (then_value.type != else_value.type) {
    TypeId common = converts(then_value.type, else_value.type) ? else_value.type : then_value.type;
    const TypeId then_inner = types_.strip_optional(then_value.type);
    if (common == then_value.type && types_.strip_optional(else_value.type) == then_inner) {
      common = types_.optional_of(then_inner);
    }
    then_value = convert(then_value, common, at);
    else_value = convert(else_value, common, at);
  }
  return is_bad(else_value) ? else_value : then_value;
}

}  // namespace catalyst::check
