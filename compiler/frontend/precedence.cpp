#include "compiler/frontend/precedence.h"

namespace catalyst::frontend {

using ast::BinaryOp;

int level_of(BinaryOp op) {
  switch (op) {
    case BinaryOp::Or:
      return kOr;
    case BinaryOp::And:
      return kAnd;
    case BinaryOp::Coalesce:
      return kCoalesce;
    case BinaryOp::Equal:
    case BinaryOp::NotEqual:
    case BinaryOp::Less:
    case BinaryOp::LessEqual:
    case BinaryOp::Greater:
    case BinaryOp::GreaterEqual:
    case BinaryOp::In:
    case BinaryOp::NotIn:
    case BinaryOp::Matches:
    case BinaryOp::RegexMatches:
    case BinaryOp::StartsWith:
    case BinaryOp::EndsWith:
    case BinaryOp::Contains:
    case BinaryOp::SubsetOf:
    case BinaryOp::Intersects:
      return kCompare;
    case BinaryOp::Union:
    case BinaryOp::Except:
      return kUnion;
    case BinaryOp::Intersect:
      return kIntersect;
    case BinaryOp::Add:
    case BinaryOp::Subtract:
      return kAdd;
    case BinaryOp::Multiply:
    case BinaryOp::Divide:
    case BinaryOp::Remainder:
      return kMultiply;
  }
  return kOr;
}

int level_for_readers(BinaryOp op, const ast::Expr& operand, int level) {
  if (operand.kind == ast::ExprKind::Cast && op == BinaryOp::Coalesce) {
    return kPrimary;
  }
  if (operand.kind != ast::ExprKind::Binary) {
    return level;
  }
  const BinaryOp inner = static_cast<const ast::BinaryExpr&>(operand).op;
  const bool misread = (inner == BinaryOp::And && op == BinaryOp::Or) ||
                       (inner == BinaryOp::Coalesce && op != BinaryOp::Coalesce);
  return misread ? kPrimary : level;
}

}  // namespace catalyst::frontend
