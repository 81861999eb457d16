#include "compiler/check/expr.h"
#include "compiler/check/inputs.h"
#include "compiler/check/narrowing.h"

namespace catalyst::check {

using ast::BinaryOp;
using diagnostics::Kind;
using types::TypeKind;
using types::TypeTable;

namespace {

bool is_number(TypeKind kind) {
  return kind == TypeKind::Int || kind == TypeKind::Decimal || kind == TypeKind::Float;
}

bool is_ordered(TypeKind kind) {
  return is_number(kind) || kind == TypeKind::String || kind == TypeKind::Time || kind == TypeKind::Duration;
}

Op comparison_op(BinaryOp op) {
  return op == BinaryOp::Less        ? Op::Lt
         : op == BinaryOp::LessEqual ? Op::Le
         : op == BinaryOp::Greater   ? Op::Gt
                                     : Op::Ge;
}

Op arithmetic_op(BinaryOp op) {
  return op == BinaryOp::Add        ? Op::Add
         : op == BinaryOp::Subtract ? Op::Sub
         : op == BinaryOp::Multiply ? Op::Mul
         : op == BinaryOp::Divide   ? Op::Div
                                    : Op::Rem;
}

}  // namespace

Typed ExprChecker::infer_binary(const ast::BinaryExpr& expr, TypeId hint) {
  switch (expr.op) {
    case BinaryOp::Or:
    case BinaryOp::And:
      return infer_connective(expr);
    case BinaryOp::Coalesce:
      return infer_coalesce(expr, hint);
    case BinaryOp::Equal:
    case BinaryOp::NotEqual:
      return infer_equality(expr);
    case BinaryOp::Less:
    case BinaryOp::LessEqual:
    case BinaryOp::Greater:
    case BinaryOp::GreaterEqual:
      return infer_order(expr);
    case BinaryOp::In:
    case BinaryOp::NotIn:
      return infer_in(expr);
    case BinaryOp::Matches:
    case BinaryOp::RegexMatches:
      return infer_pattern(expr);
    case BinaryOp::StartsWith:
    case BinaryOp::EndsWith:
      return infer_string_test(expr);
    case BinaryOp::Contains:
      return infer_contains(expr);
    case BinaryOp::SubsetOf:
    case BinaryOp::Intersects:
    case BinaryOp::Union:
    case BinaryOp::Intersect:
    case BinaryOp::Except:
      return infer_set_operation(expr, hint);
    case BinaryOp::Add:
    case BinaryOp::Subtract:
    case BinaryOp::Multiply:
    case BinaryOp::Divide:
    case BinaryOp::Remainder:
      return infer_arithmetic(expr, hint);
  }
  return bad(expr.span);
}

Typed ExprChecker::infer_connective(const ast::BinaryExpr& expr) {
  const bool conjunction = expr.op == BinaryOp::And;
  const ExprId left = condition(*expr.left);
  // Where the right side is evaluated, the left one did not decide.
  const PresentGuard guard(scope_, paths_present_when(*expr.left, conjunction, scope_));
  const ExprId right = condition(*expr.right);
  const Op op = conjunction ? Op::And : Op::Or;
  return {emit_.emit(op, TypeTable::kBool, expr.span, {left, right}), TypeTable::kBool};
}

Typed ExprChecker::infer_coalesce(const ast::BinaryExpr& expr, TypeId hint) {
  const Typed left = infer(*expr.left, hint);
  if (is_bad(left)) {
    return left;
  }
  if (!types_.is_optional(left.type)) {
    pack_.sink.report(Kind::AlwaysPresent, expr.left->span,
                      {pack_.quote(expr.left->span), type_text(left.type)});
    infer(*expr.right, left.type);
    return left;
  }
  const TypeId inner = types_.get(left.type).element;
  const Typed right = infer(*expr.right, inner);
  const TypeId wanted = types_.is_optional(right.type) ? left.type : inner;
  const Typed otherwise = convert(right, wanted, *expr.right);
  if (is_bad(otherwise)) {
    return otherwise;
  }
  return {emit_.emit(Op::Coalesce, wanted, expr.span, {left.id, otherwise.id}), wanted};
}

bool ExprChecker::takes_hint(const ast::Expr& expr) const {
  switch (expr.kind) {
    case ast::ExprKind::Number:
    case ast::ExprKind::List:
      return true;
    case ast::ExprKind::String:
      return static_cast<const ast::StringExpr&>(expr).is_plain();
    case ast::ExprKind::Record:
      return static_cast<const ast::RecordExpr&>(expr).type_name.text.empty();
    case ast::ExprKind::Unary:
      return takes_hint(*static_cast<const ast::UnaryExpr&>(expr).operand);
    case ast::ExprKind::Name: {
      const std::string& name = static_cast<const ast::NameExpr&>(expr).name;
      return scope_.find_local(name) == nullptr && pack_.names.find(name, expr.span.file) == nullptr &&
             find_input(name, "") == nullptr;
    }
    case ast::ExprKind::Error:
    case ast::ExprKind::Bool:
    case ast::ExprKind::Member:
    case ast::ExprKind::Index:
    case ast::ExprKind::Call:
    case ast::ExprKind::Binary:
    case ast::ExprKind::Presence:
    case ast::ExprKind::Cast:
    case ast::ExprKind::If:
    case ast::ExprKind::Quantifier:
    case ast::ExprKind::Comprehension:
    case ast::ExprKind::Window:
      return false;
  }
  return false;
}

bool ExprChecker::operands(const ast::BinaryExpr& expr, Typed& left, Typed& right, TypeId hint) {
  const bool right_first = takes_hint(*expr.left) && !takes_hint(*expr.right);
  const ast::Expr& first_expr = right_first ? *expr.right : *expr.left;
  const ast::Expr& second_expr = right_first ? *expr.left : *expr.right;
  Typed& first = right_first ? right : left;
  Typed& second = right_first ? left : right;
  first = definite(first_expr, hint);
  const bool bare_name = second_expr.kind == ast::ExprKind::Name && takes_hint(second_expr);
  if (bare_name && (is_bad(first) || reject_json(first, first_expr))) {
    return false;  // what the name means depends on the side that is wrong
  }
  second = definite(second_expr, is_bad(first) ? hint : first.type);
  if (is_bad(left) || is_bad(right)) {
    return false;
  }
  if (left.type != right.type) {
    // `1 < 2.5`: numbers of different kinds meet at the wider one.
    if (left.type == TypeTable::kInt && right.type == TypeTable::kDecimal) {
      left = convert(left, right.type, *expr.left);
    } else if (right.type == TypeTable::kInt && left.type == TypeTable::kDecimal) {
      right = convert(right, left.type, *expr.right);
    }
  }
  return true;
}

bool ExprChecker::lifted_operands(const ast::BinaryExpr& expr, Typed& left, Typed& right) {
  const bool right_first = takes_hint(*expr.left) && !takes_hint(*expr.right);
  const ast::Expr& first_expr = right_first ? *expr.right : *expr.left;
  const ast::Expr& second_expr = right_first ? *expr.left : *expr.right;
  Typed& first = right_first ? right : left;
  Typed& second = right_first ? left : right;
  first = infer(first_expr);
  second = infer(second_expr, types_.strip_optional(first.type));
  if (is_bad(left) || is_bad(right)) {
    return false;
  }
  const TypeId a = types_.strip_optional(left.type);
  const TypeId b = types_.strip_optional(right.type);
  const TypeId common = converts(a, b) ? b : converts(b, a) ? a : TypeId();
  if (common.valid() && left.type != right.type) {
    const bool lift = types_.is_optional(left.type) || types_.is_optional(right.type);
    const TypeId wanted = lift ? types_.optional_of(common) : common;
    left = convert(left, wanted, *expr.left);
    right = convert(right, wanted, *expr.right);
  }
  return !is_bad(left) && !is_bad(right);
}

bool ExprChecker::reject_json(const Typed& value, const ast::Expr& at) {
  if (types_.strip_optional(value.type) != TypeTable::kJson) {
    return false;
  }
  const std::string text = pack_.quote(at.span);
  auto& diagnostic = pack_.sink.report(Kind::JsonNeedsCast, at.span, {text});
  const std::string fixed = "((" + text + " as string?) ?? \"\")";
  diagnostic.fixes.push_back({at.span, fixed, "for a string: `" + fixed + "`"});
  scope_.add_user_note(diagnostic);
  return true;
}

Typed ExprChecker::operator_error(const ast::BinaryExpr& expr, TypeId left, TypeId right) {
  const std::string types = left == right ? type_text(left) : type_text(left) + " and " + type_text(right);
  auto& diagnostic =
      pack_.sink.report(Kind::OperatorTypes, expr.span, {std::string(ast::binary_op_text(expr.op)), types});
  if (expr.op == BinaryOp::Add && left == TypeTable::kString) {
    diagnostic.notes.push_back({{}, "strings are joined by interpolation: \"{a}{b}\""});
  }
  scope_.add_user_note(diagnostic);
  return bad(expr.span);
}

Typed ExprChecker::infer_equality(const ast::BinaryExpr& expr) {
  Typed left;
  Typed right;
  if (!(scope_.in_test ? lifted_operands(expr, left, right) : operands(expr, left, right, {}))) {
    return bad(expr.span);
  }
  if (left.type != right.type) {
    if (reject_json(left, *expr.left) || reject_json(right, *expr.right)) {
      return bad(expr.span);
    }
    auto& diagnostic =
        pack_.sink.report(Kind::NeverEqual, expr.span, {type_text(left.type), type_text(right.type)});
    if (kind(left.type) == TypeKind::Enum && right.type == TypeTable::kString) {
      const std::string text = "\"{" + pack_.quote(expr.left->span) + "}\"";
      diagnostic.fixes.push_back({expr.left->span, text, "compare its text: `" + text + "`"});
    }
    scope_.add_user_note(diagnostic);
    return bad(expr.span);
  }
  const Op op = expr.op == BinaryOp::Equal ? Op::Eq : Op::Ne;
  return {emit_.emit(op, TypeTable::kBool, expr.span, {left.id, right.id}), TypeTable::kBool};
}

Typed ExprChecker::infer_order(const ast::BinaryExpr& expr) {
  Typed left;
  Typed right;
  if (!operands(expr, left, right, {})) {
    return bad(expr.span);
  }
  if (reject_json(left, *expr.left) || reject_json(right, *expr.right)) {
    return bad(expr.span);
  }
  if (left.type != right.type || !is_ordered(kind(left.type))) {
    return operator_error(expr, left.type, right.type);
  }
  return {emit_.emit(comparison_op(expr.op), TypeTable::kBool, expr.span, {left.id, right.id}),
          TypeTable::kBool};
}

Typed ExprChecker::infer_arithmetic(const ast::BinaryExpr& expr, TypeId hint) {
  Typed left;
  Typed right;
  const bool numeric_hint = hint.valid() && is_number(kind(types_.strip_optional(hint)));
  if (!operands(expr, left, right, numeric_hint ? hint : TypeId())) {
    return bad(expr.span);
  }
  if (reject_json(left, *expr.left) || reject_json(right, *expr.right)) {
    return bad(expr.span);
  }
  return arithmetic(expr, arithmetic_op(expr.op), left, right);
}

Typed ExprChecker::arithmetic(const ast::BinaryExpr& expr, Op op, Typed left, Typed right) {
  const auto result = [&](TypeId type) {
    return Typed{emit_.emit(op, type, expr.span, {left.id, right.id}), type};
  };
  const TypeKind a = kind(left.type);
  const TypeKind b = kind(right.type);
  if (left.type == right.type && is_number(a) && (op != Op::Rem || a != TypeKind::Float)) {
    return result(left.type);
  }
  const bool additive = op == Op::Add || op == Op::Sub;
  if (additive && b == TypeKind::Duration && (a == TypeKind::Duration || a == TypeKind::Time)) {
    return result(left.type);
  }
  if (op == Op::Sub && a == TypeKind::Time && b == TypeKind::Time) {
    return result(TypeTable::kDuration);
  }
  if ((op == Op::Mul || op == Op::Div) && a == TypeKind::Duration && b == TypeKind::Int) {
    return result(left.type);
  }
  if (op == Op::Mul && a == TypeKind::Int && b == TypeKind::Duration) {
    std::swap(left, right);
    return result(left.type);
  }
  return operator_error(expr, left.type, right.type);
}

Typed ExprChecker::infer_string_test(const ast::BinaryExpr& expr) {
  const Typed left = definite(*expr.left, TypeTable::kString);
  const Typed right = definite(*expr.right, TypeTable::kString);
  if (is_bad(left) || is_bad(right) || reject_json(left, *expr.left) || reject_json(right, *expr.right)) {
    return bad(expr.span);
  }
  if (left.type != TypeTable::kString || right.type != TypeTable::kString) {
    return operator_error(expr, left.type, right.type);
  }
  const Op op = expr.op == BinaryOp::StartsWith ? Op::StartsWith : Op::EndsWith;
  return {emit_.emit(op, TypeTable::kBool, expr.span, {left.id, right.id}), TypeTable::kBool};
}

Typed ExprChecker::infer_pattern(const ast::BinaryExpr& expr) {
  const Typed left = definite(*expr.left, TypeTable::kString);
  if (is_bad(left) || reject_json(left, *expr.left)) {
    return bad(expr.span);
  }
  if (left.type != TypeTable::kString) {
    return operator_error(expr, left.type, TypeTable::kString);
  }
  if (expr.right->kind != ast::ExprKind::String ||
      !static_cast<const ast::StringExpr&>(*expr.right).is_plain()) {
    return report(Kind::PatternNotLiteral, expr.right->span,
                  {"the right side of `" + std::string(ast::binary_op_text(expr.op)) + "`"});
  }
  const std::string pattern = static_cast<const ast::StringExpr&>(*expr.right).plain();
  if (expr.op == BinaryOp::Matches) {
    const uint32_t id = emit_.constant_id(value::Value::of_string(pattern), TypeTable::kString).index;
    return {emit_.emit(Op::Glob, TypeTable::kBool, expr.span, {left.id}, id), TypeTable::kBool};
  }
  if (const std::string problem = pack_.regex_problem(pattern); !problem.empty()) {
    return report(Kind::InvalidRegex, expr.right->span, {problem});
  }
  return {emit_.emit(Op::Regex, TypeTable::kBool, expr.span, {left.id}, emit_.regex(pattern)),
          TypeTable::kBool};
}

}  // namespace catalyst::check
