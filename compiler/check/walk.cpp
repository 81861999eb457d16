#include "compiler/check/walk.h"

namespace catalyst::check {

bool mentions(const ast::Expr& expr, std::string_view name) {
  const auto in = [&](const ast::Expr* child) { return child != nullptr && mentions(*child, name); };
  switch (expr.kind) {
    case ast::ExprKind::Error:
    case ast::ExprKind::Bool:
    case ast::ExprKind::Number:
      return false;
    case ast::ExprKind::String:
      for (const ast::StringPart& part : static_cast<const ast::StringExpr&>(expr).parts) {
        if (in(part.value)) {
          return true;
        }
      }
      return false;
    case ast::ExprKind::Name:
      return static_cast<const ast::NameExpr&>(expr).name == name;
    case ast::ExprKind::Member:
      return in(static_cast<const ast::MemberExpr&>(expr).object);
    case ast::ExprKind::Index: {
      const auto& index = static_cast<const ast::IndexExpr&>(expr);
      return in(index.object) || in(index.index);
    }
    case ast::ExprKind::Call: {
      const auto& call = static_cast<const ast::CallExpr&>(expr);
      for (const ast::Expr* argument : call.arguments) {
        if (in(argument)) {
          return true;
        }
      }
      return in(call.callee);
    }
    case ast::ExprKind::Unary:
      return in(static_cast<const ast::UnaryExpr&>(expr).operand);
    case ast::ExprKind::Binary: {
      const auto& binary = static_cast<const ast::BinaryExpr&>(expr);
      return in(binary.left) || in(binary.right);
    }
    case ast::ExprKind::Presence:
      return in(static_cast<const ast::PresenceExpr&>(expr).operand);
    case ast::ExprKind::Cast:
      return in(static_cast<const ast::CastExpr&>(expr).operand);
    case ast::ExprKind::If: {
      const auto& branch = static_cast<const ast::IfExpr&>(expr);
      return in(branch.condition) || in(branch.then_value) || in(branch.else_value);
    }
    case ast::ExprKind::Quantifier: {
      const auto& quantifier = static_cast<const ast::QuantifierExpr&>(expr);
      return in(quantifier.collection) || in(quantifier.condition);
    }
    case ast::ExprKind::Comprehension: {
      const auto& all = static_cast<const ast::ComprehensionExpr&>(expr);
      return in(all.collection) || in(all.element) || in(all.condition);
    }
    case ast::ExprKind::Window:  // what it counts is another request
      return in(static_cast<const ast::WindowExpr&>(expr).key);
    case ast::ExprKind::List:
      for (const ast::Expr* item : static_cast<const ast::ListExpr&>(expr).items) {
        if (in(item)) {
          return true;
        }
      }
      return false;
    case ast::ExprKind::Record:
      for (const ast::FieldInit& field : static_cast<const ast::RecordExpr&>(expr).fields) {
        if (in(field.value)) {
          return true;
        }
      }
      return false;
  }
  return false;
}

}  // namespace catalyst::check
