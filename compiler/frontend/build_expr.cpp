#include <algorithm>

#include "compiler/frontend/build_ast.h"
#include "compiler/frontend/precedence.h"
#include "compiler/frontend/scan.h"

namespace catalyst::frontend {

using ast::BinaryOp;
using ast::ExprKind;
using diagnostics::Kind;

namespace {

BinaryOp binary_op(size_t token_type) {
  using P = grammar::CatalystParser;
  switch (token_type) {
    case P::OR:
      return BinaryOp::Or;
    case P::AND:
      return BinaryOp::And;
    case P::COALESCE:
      return BinaryOp::Coalesce;
    case P::EQUAL:
      return BinaryOp::Equal;
    case P::NOT_EQUAL:
      return BinaryOp::NotEqual;
    case P::LESS:
      return BinaryOp::Less;
    case P::LESS_EQUAL:
      return BinaryOp::LessEqual;
    case P::GREATER:
      return BinaryOp::Greater;
    case P::GREATER_EQUAL:
      return BinaryOp::GreaterEqual;
    case P::IN:
      return BinaryOp::In;
    case P::NOT:
      return BinaryOp::NotIn;
    case P::MATCHES:
      return BinaryOp::Matches;
    case P::REGEX:
      return BinaryOp::RegexMatches;
    case P::STARTS:
      return BinaryOp::StartsWith;
    case P::ENDS:
      return BinaryOp::EndsWith;
    case P::CONTAINS:
      return BinaryOp::Contains;
    case P::SUBSET:
      return BinaryOp::SubsetOf;
    case P::INTERSECTS:
      return BinaryOp::Intersects;
    case P::UNION:
      return BinaryOp::Union;
    case P::INTERSECT:
      return BinaryOp::Intersect;
    case P::EXCEPT:
      return BinaryOp::Except;
    case P::PLUS:
      return BinaryOp::Add;
    case P::MINUS:
      return BinaryOp::Subtract;
    case P::STAR:
      return BinaryOp::Multiply;
    case P::SLASH:
      return BinaryOp::Divide;
    default:
      return BinaryOp::Remainder;
  }
}

source::Span join(source::Span a, source::Span b) { return {a.file, a.begin, std::max(a.end, b.end)}; }

}  // namespace

/// A flat expression on its way to a tree: operands with their prefixes, operators between them, and how far
/// both are used up.
struct Builder::Fold {
  struct Operand {
    P::OperandContext* in;
    std::vector<antlr4::Token*> prefixes;
    size_t next_prefix = 0;
    bool presence_pending = false;  // `is present` behind it is not applied yet
  };
  struct Operator {
    BinaryOp op;
    source::Span span;
  };
  std::vector<Operand> operands;
  std::vector<Operator> operators;
  size_t at = 0;       // operand being read
  uint32_t calls = 0;  // recursion of fold
};

Builder::Node Builder::error(source::Span where) { return {make<ast::ErrorExpr>(ExprKind::Error, where), 1}; }

Builder::Node Builder::limited(Node node) {
  if (node.depth <= limits_.nesting) {
    return node;
  }
  if (!too_deep_) {
    sink_.report(Kind::NestingTooDeep, node.expr->span, {std::to_string(limits_.nesting)});
  }
  too_deep_ = true;
  return error(node.expr->span);
}

Builder::Node Builder::expr(P::ExpressionContext* in) {
  if (in == nullptr || in->children.empty()) {
    return error(span(in));
  }
  Fold state;
  for (antlr4::tree::ParseTree* child : in->children) {
    if (grammar::is_a<P::BinaryOperatorContext>(*child)) {
      auto* op = static_cast<P::BinaryOperatorContext*>(child);
      state.operators.push_back({binary_op(op->start->getType()), span(op)});
      continue;
    }
    if (!grammar::is_a<P::OperandContext>(*child)) {
      continue;
    }
    Fold::Operand operand{static_cast<P::OperandContext*>(child), {}};
    for (antlr4::tree::ParseTree* part : operand.in->children) {
      if (!grammar::is_a<grammar::Leaf>(*part)) {
        continue;
      }
      antlr4::Token* symbol = static_cast<grammar::Leaf*>(part)->getSymbol();
      const size_t type = symbol->getType();
      if (type == P::NOT || type == P::MINUS) {
        operand.prefixes.push_back(symbol);
      }
      operand.presence_pending |= type == P::PRESENT || type == P::ABSENT;
    }
    state.operands.push_back(std::move(operand));
  }
  if (state.operands.empty()) {
    return error(span(in));
  }
  // Where recovery left an operator without its right side.
  state.operators.resize(std::min(state.operators.size(), state.operands.size() - 1));
  return fold(state, kOr);
}

/// Reads operands and operators that bind at least as tightly as `least`.
Builder::Node Builder::fold(Fold& state, int least) {
  // Only chains of prefixes recurse without end here; operators climb through ten levels.
  if (++state.calls > limits_.nesting + kNegate) {
    state.at = state.operands.size() - 1;
    state.operands.back().next_prefix = state.operands.back().prefixes.size();
    state.operands.back().presence_pending = false;
    Node deep{make<ast::ErrorExpr>(ExprKind::Error, span(state.operands.back().in)), limits_.nesting + 1};
    --state.calls;
    return limited(deep);
  }
  Node left = fold_operand(state);
  bool compared = false;
  for (;;) {
    Fold::Operand& operand = state.operands[state.at];
    if (operand.presence_pending) {
      if (least > kCompare) {
        break;
      }
      if (compared) {
        sink_.report(Kind::ChainedComparison, span(operand.in),
                     {operand.in->PRESENT() != nullptr ? "is present" : "is absent"});
      }
      operand.presence_pending = false;
      compared = true;
      auto* out = make<ast::PresenceExpr>(ExprKind::Presence, join(left.expr->span, span(operand.in)));
      out->operand = left.expr;
      out->present = operand.in->PRESENT() != nullptr;
      left = limited({out, left.depth + 1});
      continue;
    }
    if (state.at >= state.operators.size()) {
      break;
    }
    const Fold::Operator op = state.operators[state.at];
    const int level = level_of(op.op);
    if (level < least) {
      break;
    }
    if (level == kCompare && compared) {
      sink_.report(Kind::ChainedComparison, op.span, {text(op.span)});
    }
    // After a looser operator on the right a comparison starts afresh.
    compared = level == kCompare;
    ++state.at;
    const Node right = fold(state, level + 1);
    auto* out = make<ast::BinaryExpr>(ExprKind::Binary, join(left.expr->span, right.expr->span));
    out->op = op.op;
    out->op_span = op.span;
    out->left = left.expr;
    out->right = right.expr;
    left = limited({out, std::max(left.depth, right.depth) + 1});
  }
  --state.calls;
  return left;
}

Builder::Node Builder::fold_operand(Fold& state) {
  Fold::Operand& operand = state.operands[state.at];
  if (operand.next_prefix == operand.prefixes.size()) {
    return operand_core(operand.in);
  }
  antlr4::Token* prefix = operand.prefixes[operand.next_prefix++];
  const bool negate = prefix->getType() == P::MINUS;
  const Node inner = fold(state, negate ? kNegate : kNot);
  auto* out = make<ast::UnaryExpr>(ExprKind::Unary, join(span(prefix), inner.expr->span));
  out->op = negate ? ast::UnaryOp::Negate : ast::UnaryOp::Not;
  out->operand = inner.expr;
  return limited({out, inner.depth + 1});
}

Builder::Node Builder::operand_core(P::OperandContext* in) {
  if (in->ifExpression() != nullptr) {
    return if_expr(in->ifExpression());
  }
  if (in->quantifier() != nullptr) {
    return quantifier(in->quantifier());
  }
  if (in->primary() == nullptr) {
    return error(span(in));
  }
  Node out = primary(in->primary());
  if (in->children.size() == 1) {
    return out;
  }
  for (P::PostfixContext* more : in->postfix()) {
    out = limited(postfix(out, more));
  }
  for (P::TypeContext* to : in->type()) {
    auto* cast = make<ast::CastExpr>(ExprKind::Cast, join(out.expr->span, span(to)));
    cast->operand = out.expr;
    cast->type = type(to);
    out = limited({cast, out.depth + 1});
  }
  return out;
}

Builder::Node Builder::postfix(Node object, P::PostfixContext* in) {
  if (in->pathStep() != nullptr) {
    const Node step = path_step(object, in->pathStep());
    return in->recordLiteral() == nullptr ? step : qualified_record(step, in->recordLiteral());
  }
  auto* out = make<ast::CallExpr>(ExprKind::Call, join(object.expr->span, span(in)));
  out->callee = object.expr;
  uint32_t depth = object.depth;
  for (P::ExpressionContext* argument : in->expression()) {
    const Node node = expr(argument);
    out->arguments.push_back(node.expr);
    depth = std::max(depth, node.depth);
  }
  return {out, depth + 1};
}

Builder::Node Builder::path_step(Node object, P::PathStepContext* in) {
  const source::Span where = join(object.expr->span, span(in));
  if (in->DOT() != nullptr || in->OPTIONAL_DOT() != nullptr) {
    if (in->anyName() == nullptr || in->anyName()->children.empty()) {
      return error(where);
    }
    auto* out = make<ast::MemberExpr>(ExprKind::Member, where);
    out->object = object.expr;
    out->member = name(in->anyName());
    out->optional = in->OPTIONAL_DOT() != nullptr;
    return {out, object.depth + 1};
  }
  auto* out = make<ast::IndexExpr>(ExprKind::Index, where);
  const Node index = expr(in->expression());
  out->object = object.expr;
  out->index = index.expr;
  out->optional = in->OPTIONAL_BRACKET() != nullptr;
  return {out, std::max(object.depth, index.depth) + 1};
}

Builder::Node Builder::primary(P::PrimaryContext* in) {
  if (in->window() != nullptr) {
    return window(in->window());
  }
  if (in->name() != nullptr && in->recordLiteral() == nullptr) {
    auto* out = make<ast::NameExpr>(ExprKind::Name, span(in));
    out->name = name(in->name()).text;
    return {out, 1};
  }
  if (in->string() != nullptr) {
    return string(in->string());
  }
  if (in->NUMBER() != nullptr) {
    return number(in->NUMBER()->getSymbol());
  }
  if (in->TRUE() != nullptr || in->FALSE() != nullptr) {
    auto* out = make<ast::BoolExpr>(ExprKind::Bool, span(in));
    out->value = in->TRUE() != nullptr;
    return {out, 1};
  }
  if (in->recordLiteral() != nullptr) {
    return record_literal(in->name() == nullptr ? ast::Name() : name(in->name()), in->recordLiteral());
  }
  if (in->listLiteral() != nullptr) {
    return list_literal(in->listLiteral());
  }
  return in->expression() != nullptr ? expr(in->expression()) : error(span(in));
}

Builder::Node Builder::if_expr(P::IfExpressionContext* in) {
  auto* out = make<ast::IfExpr>(ExprKind::If, span(in));
  const Node condition = expr(in->expression(0));
  const Node yes = expr(in->expression(1));
  const Node no = expr(in->expression(2));
  out->condition = condition.expr;
  out->then_value = yes.expr;
  out->else_value = no.expr;
  return limited({out, std::max({condition.depth, yes.depth, no.depth}) + 1});
}

void Builder::variables(P::VariablesContext* in, ast::Name& first, ast::Name& second) {
  if (in == nullptr) {
    return;
  }
  first = name(in->name(0));
  if (in->name(1) != nullptr) {
    second = name(in->name(1));
  }
}

Builder::Node Builder::quantifier(P::QuantifierContext* in) {
  auto* out = make<ast::QuantifierExpr>(ExprKind::Quantifier, span(in));
  out->quantifier = in->ANY() != nullptr   ? ast::Quantifier::Any
                    : in->ALL() != nullptr ? ast::Quantifier::All
                                           : ast::Quantifier::None;
  variables(in->variables(), out->variable, out->value_variable);
  const Node collection = expr(in->expression(0));
  const Node condition = expr(in->expression(1));
  out->collection = collection.expr;
  out->condition = condition.expr;
  return limited({out, std::max(collection.depth, condition.depth) + 1});
}

Builder::Node Builder::window(P::WindowContext* in) {
  if (in->hook() == nullptr || in->NUMBER() == nullptr) {
    return error(span(in));
  }
  auto* out = make<ast::WindowExpr>(ExprKind::Window, span(in));
  out->function = name(in->WINDOW());
  out->hook = hook(in->hook());
  targets(in->targets(), abi::find_hook(out->hook.text).value_or(abi::Hook::Call), out->targets);
  const std::vector<P::ExpressionContext*> parts = in->expression();
  uint32_t depth = 0;
  size_t next = 0;
  const auto part = [&](antlr4::tree::TerminalNode* word) -> const ast::Expr* {
    if (word == nullptr || next >= parts.size()) {
      return nullptr;
    }
    const Node node = expr(parts[next++]);
    depth = std::max(depth, node.depth);
    return node.expr;
  };
  out->value = part(in->OF());
  out->key = part(in->BY());
  out->within = number_of(in->NUMBER());
  return limited({out, depth + 1});
}

Builder::Node Builder::list_literal(P::ListLiteralContext* in) {
  const std::vector<P::ExpressionContext*> items = in->expression();
  uint32_t depth = 0;
  if (P::ComprehensionContext* rest = in->comprehension()) {
    auto* out = make<ast::ComprehensionExpr>(ExprKind::Comprehension, span(in));
    const Node element = expr(items.empty() ? nullptr : items[0]);
    variables(rest->variables(), out->variable, out->value_variable);
    const Node collection = expr(rest->expression(0));
    out->element = element.expr;
    out->collection = collection.expr;
    out->condition = nullptr;
    depth = std::max(element.depth, collection.depth);
    if (rest->expression(1) != nullptr) {
      const Node condition = expr(rest->expression(1));
      out->condition = condition.expr;
      depth = std::max(depth, condition.depth);
    }
    return limited({out, depth + 1});
  }
  auto* out = make<ast::ListExpr>(ExprKind::List, span(in));
  out->items.reserve(items.size());
  for (P::ExpressionContext* item : items) {
    const Node node = expr(item);
    out->items.push_back(node.expr);
    depth = std::max(depth, node.depth);
  }
  return limited({out, depth + 1});
}

Builder::Node Builder::record_literal(ast::Name type_name, P::RecordLiteralContext* in) {
  auto* out = make<ast::RecordExpr>(ExprKind::Record, span(in));
  if (!type_name.text.empty()) {
    out->type_name = std::move(type_name);
    out->span.begin = out->type_name.span.begin;
  }
  uint32_t depth = 0;
  for (P::FieldInitContext* field : in->fieldInit()) {
    if (field->key() == nullptr) {
      continue;
    }
    const Node value = expr(field->expression());
    out->fields.push_back({key(field->key()), value.expr});
    depth = std::max(depth, value.depth);
  }
  return limited({out, depth + 1});
}

/// `shared.Order { id: "7" }`: the name of an imported record in front of braces.
Builder::Node Builder::qualified_record(Node type_name, P::RecordLiteralContext* in) {
  if (type_name.expr->kind == ExprKind::Error) {
    return type_name;
  }
  const auto* member = type_name.expr->kind == ExprKind::Member
                           ? static_cast<const ast::MemberExpr*>(type_name.expr)
                           : nullptr;
  if (member == nullptr || member->optional || member->object->kind != ExprKind::Name) {
    sink_.report(Kind::UnexpectedToken, span(in->start), {"an operator or the next declaration", "`{`"});
    return error(type_name.expr->span);
  }
  const auto& module = static_cast<const ast::NameExpr&>(*member->object);
  return record_literal({module.name + "." + member->member.text, member->span}, in);
}

}  // namespace catalyst::frontend
