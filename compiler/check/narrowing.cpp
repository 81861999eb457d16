#include "compiler/check/narrowing.h"

#include <algorithm>

namespace catalyst::check {
namespace {

// Member names may hold any character, so the parts of a key are set apart by control characters.
constexpr char kMember = '\x1f';
constexpr char kIndex = '\x1e';
constexpr char kCast = '\x1d';

std::string type_key(const ast::TypeExpr& type) {
  std::string out = std::to_string(static_cast<int>(type.kind)) + type.name;
  return type.element == nullptr ? out : out + "<" + type_key(*type.element) + ">";
}

// Presence of `a?.b` says that `a` is present, too.
void add_path(std::vector<std::string>& out, const ast::Expr& expr, const Scope& scope) {
  std::string key = path_key(expr, scope);
  if (key.empty()) {
    return;
  }
  out.push_back(std::move(key));
  if (expr.kind == ast::ExprKind::Member) {
    add_path(out, *static_cast<const ast::MemberExpr&>(expr).object, scope);
  } else if (expr.kind == ast::ExprKind::Index) {
    add_path(out, *static_cast<const ast::IndexExpr&>(expr).object, scope);
  } else if (expr.kind == ast::ExprKind::Cast) {
    add_path(out, *static_cast<const ast::CastExpr&>(expr).operand, scope);
  }
}

std::vector<std::string> both(std::vector<std::string> a, std::vector<std::string> b) {
  a.insert(a.end(), std::make_move_iterator(b.begin()), std::make_move_iterator(b.end()));
  return a;
}

std::vector<std::string> common(std::vector<std::string> a, const std::vector<std::string>& b) {
  std::erase_if(a, [&](const std::string& key) { return std::find(b.begin(), b.end(), key) == b.end(); });
  return a;
}

}  // namespace

std::string path_key(const ast::Expr& expr, const Scope& scope) {
  switch (expr.kind) {
    case ast::ExprKind::Name: {
      const auto& name = static_cast<const ast::NameExpr&>(expr);
      const Local* local = scope.find_local(name.name);
      return local == nullptr ? name.name : "#" + std::to_string(local->index);
    }
    case ast::ExprKind::Member: {
      const auto& member = static_cast<const ast::MemberExpr&>(expr);
      const std::string object = path_key(*member.object, scope);
      return object.empty() ? object : object + kMember + member.member.text;
    }
    case ast::ExprKind::Index: {
      const auto& index = static_cast<const ast::IndexExpr&>(expr);
      const std::string object = path_key(*index.object, scope);
      if (object.empty()) {
        return {};
      }
      if (index.index->kind == ast::ExprKind::String) {
        const auto& text = static_cast<const ast::StringExpr&>(*index.index);
        return text.is_plain() ? object + kMember + text.plain() : std::string();
      }
      if (index.index->kind == ast::ExprKind::Number) {
        return object + kIndex + static_cast<const ast::NumberExpr&>(*index.index).digits;
      }
      return {};
    }
    case ast::ExprKind::Cast: {
      const auto& cast = static_cast<const ast::CastExpr&>(expr);
      const std::string object = path_key(*cast.operand, scope);
      return object.empty() ? object : object + kCast + type_key(*cast.type);
    }
    case ast::ExprKind::Error:
    case ast::ExprKind::Bool:
    case ast::ExprKind::Number:
    case ast::ExprKind::String:
    case ast::ExprKind::Call:
    case ast::ExprKind::Unary:
    case ast::ExprKind::Binary:
    case ast::ExprKind::Presence:
    case ast::ExprKind::If:
    case ast::ExprKind::Quantifier:
    case ast::ExprKind::Comprehension:
    case ast::ExprKind::Window:
    case ast::ExprKind::List:
    case ast::ExprKind::Record:
      return {};
  }
  return {};
}

std::vector<std::string> paths_present_when(const ast::Expr& condition, bool truth, const Scope& scope) {
  std::vector<std::string> out;
  if (condition.kind == ast::ExprKind::Presence) {
    const auto& presence = static_cast<const ast::PresenceExpr&>(condition);
    if (presence.present == truth) {
      add_path(out, *presence.operand, scope);
    }
  } else if (condition.kind == ast::ExprKind::Unary) {
    const auto& unary = static_cast<const ast::UnaryExpr&>(condition);
    if (unary.op == ast::UnaryOp::Not) {
      return paths_present_when(*unary.operand, !truth, scope);
    }
  } else if (condition.kind == ast::ExprKind::Binary) {
    const auto& binary = static_cast<const ast::BinaryExpr&>(condition);
    if (binary.op == ast::BinaryOp::And || binary.op == ast::BinaryOp::Or) {
      auto left = paths_present_when(*binary.left, truth, scope);
      auto right = paths_present_when(*binary.right, truth, scope);
      const bool all_hold = (binary.op == ast::BinaryOp::And) == truth;
      return all_hold ? both(std::move(left), std::move(right)) : common(std::move(left), right);
    }
  }
  return out;
}

}  // namespace catalyst::check
