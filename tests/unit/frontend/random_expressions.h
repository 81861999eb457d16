#pragma once

#include <string>

#include "compiler/ast/ast.h"
#include "runtime/abi/hook.h"
#include "tests/unit/frontend/random_words.h"

namespace catalyst::frontend {

using namespace ast;

/// Makes expressions, types and targets at random, into one tree.
class RandomExpressions : protected RandomWords {
 public:
  using RandomWords::RandomWords;

 protected:
  template <class T>
  T* make(ExprKind kind) {
    T* out = tree_->make<T>();
    out->kind = kind;
    out->span = {tree_->file, 0, 0};
    return out;
  }

  const TypeExpr* type(size_t depth) {
    auto* out = tree_->make<TypeExpr>();
    switch (depth == 0 ? 0 : below(5)) {
      case 1:
        out->kind = TypeExprKind::List;
        out->element = type(depth - 1);
        break;
      case 2:
        out->kind = TypeExprKind::Set;
        out->element = type(depth - 1);
        break;
      case 3:
        out->kind = TypeExprKind::Map;
        out->element = type(depth - 1);
        break;
      default:
        out->name = once_in(2) ? "int" : "Order";
    }
    if (once_in(4)) {
      auto* optional = tree_->make<TypeExpr>();
      optional->kind = TypeExprKind::Optional;
      optional->element = out;
      return optional;
    }
    return out;
  }

  const StringExpr* string(size_t depth) {
    auto* out = make<StringExpr>(ExprKind::String);
    bool after_text = false;
    for (size_t n = below(4); n > 0; --n) {
      const std::string literal = text();
      if (!after_text && !literal.empty()) {
        out->parts.push_back({literal, nullptr});
        after_text = true;
      } else if (depth > 0) {
        out->parts.push_back({{}, expr(depth - 1)});
        after_text = false;
      }
    }
    return out;
  }

  const Expr* path() {
    const Expr* out = name_expr();
    for (size_t n = below(3); n > 0; --n) {
      out = once_in(3) ? index(out, 1) : member(out);
    }
    return out;
  }
  const Expr* name_expr() {
    auto* out = make<NameExpr>(ExprKind::Name);
    out->name = word();
    return out;
  }
  const Expr* member(const Expr* object) {
    auto* out = make<MemberExpr>(ExprKind::Member);
    out->object = object;
    out->member = any_name();
    out->optional = once_in(3);
    return out;
  }
  const Expr* index(const Expr* object, size_t depth) {
    auto* out = make<IndexExpr>(ExprKind::Index);
    out->object = object;
    out->index = expr(depth);
    out->optional = once_in(3);
    return out;
  }
  const Expr* leaf() {
    switch (below(4)) {
      case 0: {
        auto* out = make<BoolExpr>(ExprKind::Bool);
        out->value = once_in(2);
        return out;
      }
      case 1: {
        static const char* const kUnits[] = {"", "", "ms", "s", "KiB", "%"};
        auto* out = make<NumberExpr>(ExprKind::Number);
        out->digits = std::to_string(below(1000)) + (once_in(3) ? ".5" : "");
        out->unit = kUnits[below(std::size(kUnits))];
        return out;
      }
      default:
        return name_expr();
    }
  }

  const Expr* expr(size_t depth) {
    if (depth == 0) {
      return leaf();
    }
    switch (below(14)) {
      case 0:
        return leaf();
      case 1:
        return string(depth);
      case 2:
        return member(expr(depth - 1));
      case 3:
        return index(expr(depth - 1), depth - 1);
      case 4: {
        auto* out = make<CallExpr>(ExprKind::Call);
        out->callee = expr(depth - 1);
        for (size_t n = below(3); n > 0; --n) {
          out->arguments.push_back(expr(depth - 1));
        }
        return out;
      }
      case 5: {
        auto* out = make<UnaryExpr>(ExprKind::Unary);
        out->op = once_in(2) ? UnaryOp::Not : UnaryOp::Negate;
        out->operand = expr(depth - 1);
        return out;
      }
      case 6: {
        auto* out = make<PresenceExpr>(ExprKind::Presence);
        out->operand = expr(depth - 1);
        out->present = once_in(2);
        return out;
      }
      case 7: {
        auto* out = make<CastExpr>(ExprKind::Cast);
        out->operand = expr(depth - 1);
        out->type = type(2);
        return out;
      }
      case 8:
        return depth > 1 ? open(depth) : leaf();
      case 9:
        return collection(depth);
      default: {
        auto* out = make<BinaryExpr>(ExprKind::Binary);
        out->op = static_cast<BinaryOp>(below(static_cast<size_t>(BinaryOp::Remainder) + 1));
        out->left = expr(depth - 1);
        out->right = expr(depth - 1);
        return out;
      }
    }
  }

  const Expr* open(size_t depth) {
    if (once_in(2)) {
      auto* out = make<IfExpr>(ExprKind::If);
      out->condition = expr(depth - 1);
      out->then_value = expr(depth - 1);
      out->else_value = expr(depth - 1);
      return out;
    }
    auto* out = make<QuantifierExpr>(ExprKind::Quantifier);
    out->quantifier = static_cast<Quantifier>(below(3));
    out->variable = name();
    out->value_variable = once_in(3) ? name() : Name{};
    out->collection = expr(depth - 1);
    out->condition = expr(depth - 1);
    return out;
  }

  const RecordExpr* record(size_t depth, bool typed) {
    auto* out = make<RecordExpr>(ExprKind::Record);
    out->type_name = typed ? name() : Name{};
    if (typed && once_in(3)) {
      out->type_name.text += "." + any_name().text;
    }
    for (size_t n = below(4); n > 0; --n) {
      out->fields.push_back({key(), expr(depth - 1)});
    }
    return out;
  }

  const Expr* collection(size_t depth) {
    if (once_in(3)) {
      return record(depth, once_in(2));
    }
    if (once_in(6)) {
      return window(depth);
    }
    if (once_in(2)) {
      auto* out = make<ListExpr>(ExprKind::List);
      for (size_t n = below(5); n > 0; --n) {
        out->items.push_back(expr(depth - 1));
      }
      return out;
    }
    auto* out = make<ComprehensionExpr>(ExprKind::Comprehension);
    out->element = expr(depth - 1);
    out->variable = name();
    out->value_variable = once_in(3) ? name() : Name{};
    out->collection = expr(depth - 1);
    out->condition = once_in(2) ? expr(depth - 1) : nullptr;
    return out;
  }

  const Expr* window(size_t depth) {
    static const char* const kFunctions[] = {"count", "sum", "distinct"};
    static const char* const kHooks[] = {"call", "read", "prompt", "complete", "message"};
    auto* out = make<WindowExpr>(ExprKind::Window);
    out->function.text = kFunctions[below(std::size(kFunctions))];
    out->hook.text = kHooks[below(std::size(kHooks))];
    for (size_t n = 1 + below(2); n > 0; --n) {
      out->targets.push_back(target(false, out->hook.text));
    }
    out->value = once_in(2) ? expr(depth - 1) : nullptr;
    out->key = once_in(2) ? expr(depth - 1) : nullptr;
    out->within = number("1", "h");
    return out;
  }

  TargetPattern target(bool one, const std::string& hook) {
    static const char* const kServers[] = {"db", "list", "when", "odd one", "2nd", "a-b"};
    static const char* const kTools[] = {"drop_table", "read-file",  "when", "2x",
                                         "v1.2.3",     "weird tool", "a.b",  "set"};
    static const char* const kUris[] = {"file:///a b", "https://x.example/?q={id}", "x", "order.placed"};
    TargetPattern out{kServers[below(std::size(kServers))], kTools[below(std::size(kTools))], {}};
    switch (abi::hook_info(*abi::find_hook(hook)).target) {
      case abi::HookTarget::Tool:
      case abi::HookTarget::Prompt:
        break;
      case abi::HookTarget::Server:
      case abi::HookTarget::Agent:
        out.tool = one ? "" : "*";
        return out;
      case abi::HookTarget::Event:
        return {one ? "" : "*", kUris[below(std::size(kUris))], {}};
      case abi::HookTarget::Uri:
        out.tool = kUris[below(std::size(kUris))];
        break;
      case abi::HookTarget::None:
        return {};
    }
    if (!one && once_in(3)) {
      out.tool = once_in(2) ? "*" : "*_x*";
    }
    if (!one && once_in(6)) {
      out.server = "*";
    }
    return out;
  }

  const Expr* number(const char* digits, const char* unit) {
    auto* out = make<NumberExpr>(ExprKind::Number);
    out->digits = digits;
    out->unit = unit;
    return out;
  }

  const Expr* make_name(const char* text) {
    auto* out = make<NameExpr>(ExprKind::Name);
    out->name = text;
    return out;
  }

  Ast* tree_ = nullptr;
};

}  // namespace catalyst::frontend
