#include <algorithm>
#include <unordered_set>
#include <utility>

#include "compiler/check/expr.h"
#include "compiler/check/literal.h"
#include "compiler/check/narrowing.h"

// Literals of lists, sets, maps and records; quantifiers and comprehensions; membership and set operations.

namespace catalyst::check {

using ast::BinaryOp;
using diagnostics::Kind;
using types::TypeKind;
using types::TypeTable;
using value::Value;

namespace {

/// Literals of constants become one constant, however long; the parts of others are evaluated one by one.
constexpr size_t kMaxComputedParts = 1'000;

}  // namespace

Typed ExprChecker::sized(Typed literal, size_t parts, Span span) {
  if (parts <= kMaxComputedParts || emit_.constant_value(literal.id) != nullptr) {
    return literal;
  }
  return report(Kind::TooManyParts, span, {std::to_string(kMaxComputedParts)});
}

Typed ExprChecker::infer_list(const ast::ListExpr& expr, TypeId hint) {
  const TypeId wanted = hint.valid() ? types_.strip_optional(hint) : TypeTable::kError;
  const bool as_set = kind(wanted) == TypeKind::Set;
  TypeId element = TypeTable::kError;
  if (as_set || kind(wanted) == TypeKind::List) {
    element = types_.get(wanted).element;
  } else if (wanted == TypeTable::kJson) {
    element = TypeTable::kJson;
  } else if (expr.items.empty()) {
    return report(Kind::CannotInfer, expr.span, {"an empty list"});
  }
  std::vector<Typed> items;
  bool failed = false;
  const bool given = element != TypeTable::kError;
  for (const ast::Expr* item : expr.items) {
    const Typed value = given ? infer(*item, element) : definite(*item, element);
    failed = failed || is_bad(value);
    if (!given && !is_bad(value) && (element == TypeTable::kError || converts(element, value.type))) {
      element = value.type;
    }
    items.push_back(value);
  }
  std::vector<ExprId> ids;
  for (size_t i = 0; i < items.size() && !failed; ++i) {
    const Typed value = convert(items[i], element, *expr.items[i]);
    failed = is_bad(value);
    ids.push_back(value.id);
  }
  if (failed) {
    return bad(expr.span);
  }
  const TypeId type = as_set ? wanted : types_.list_of(element);
  return sized({emit_.emit(Op::MakeList, type, expr.span, ids), type}, ids.size(), expr.span);
}

Typed ExprChecker::infer_record(const ast::RecordExpr& expr, TypeId hint) {
  if (!expr.type_name.text.empty()) {
    const TypeId type = pack_.type_names.record(expr.type_name);
    return type.valid() ? record_of(expr, type) : bad(expr.span);
  }
  const TypeId wanted = hint.valid() ? types_.strip_optional(hint) : TypeTable::kError;
  if (kind(wanted) == TypeKind::Record) {
    return record_of(expr, wanted);
  }
  std::vector<ExprId> operands;
  std::vector<types::Field> fields;
  std::unordered_set<std::string_view> seen;
  bool failed = false;
  const bool map = kind(wanted) == TypeKind::Map;
  for (const ast::FieldInit& field : expr.fields) {
    if (!seen.insert(field.name.text).second) {
      pack_.sink.report(Kind::DuplicateField, field.name.span, {field.name.text});
      failed = true;
      continue;
    }
    Typed value;
    if (map) {
      const TypeId element = types_.get(wanted).element;
      value = convert(infer(*field.value, element), element, *field.value);
    } else {
      value = infer(*field.value, wanted == TypeTable::kJson ? wanted : TypeId());
    }
    failed = failed || is_bad(value);
    fields.push_back({field.name.text, value.type});
    operands.push_back(emit_.string(field.name.text, TypeTable::kString, field.name.span));
    operands.push_back(value.id);
  }
  if (failed) {
    return bad(expr.span);
  }
  const TypeId type = map ? wanted : types_.record_type("", std::move(fields), true);
  return sized({emit_.emit(Op::MakeMap, type, expr.span, operands), type}, operands.size() / 2, expr.span);
}

Typed ExprChecker::record_of(const ast::RecordExpr& expr, TypeId type) {
  std::unordered_map<std::string_view, const ast::FieldInit*> given;
  bool failed = false;
  for (const ast::FieldInit& field : expr.fields) {
    if (!given.try_emplace(field.name.text, &field).second) {
      pack_.sink.report(Kind::DuplicateField, field.name.span, {field.name.text});
      failed = true;
    }
  }
  const std::vector<types::Field> fields = types_.get(type).fields;
  std::vector<ExprId> operands;
  for (const types::Field& field : fields) {
    const auto found = given.find(field.name);
    if (found == given.end()) {
      if (!types_.is_optional(field.type) && field.type != TypeTable::kError) {
        pack_.sink.report(Kind::MissingField, expr.span, {type_text(type), field.name});
        failed = true;
      }
      continue;
    }
    const ast::FieldInit& init = *found->second;
    given.erase(found);
    const Typed value = convert(infer(*init.value, field.type), field.type, *init.value);
    failed = failed || is_bad(value);
    operands.push_back(emit_.string(field.name, TypeTable::kString, init.name.span));
    operands.push_back(value.id);
  }
  for (const ast::FieldInit& field : expr.fields) {
    const auto left = given.find(field.name.text);
    if (left == given.end() || left->second != &field) {
      continue;
    }
    std::vector<std::string_view> names;
    for (const types::Field& each : fields) {
      names.push_back(each.name);
    }
    auto& diagnostic =
        pack_.sink.report(Kind::UnknownField, field.name.span, {field.name.text, type_text(type)});
    suggest(diagnostic, field.name.span, field.name.text, names);
    failed = true;
  }
  if (failed) {
    return bad(expr.span);
  }
  return sized({emit_.emit(Op::MakeMap, type, expr.span, operands), type}, operands.size() / 2, expr.span);
}

Typed ExprChecker::collection(const ast::Expr& expr) {
  const Typed value = infer(expr);
  if (is_bad(value)) {
    return value;
  }
  if (types_.strip_optional(value.type) == TypeTable::kJson) {
    const std::string text = "((" + pack_.quote(expr.span) + " as list<json>?) ?? [])";
    auto& diagnostic = pack_.sink.report(Kind::NotIterable, expr.span, {"`json`"});
    diagnostic.fixes.push_back({expr.span, text, "for a list: `" + text + "`"});
    scope_.add_user_note(diagnostic);
    return bad(expr.span);
  }
  if (types_.is_optional(value.type)) {
    return optional_unguarded(expr, value.type);
  }
  const TypeKind of = kind(value.type);
  if (of != TypeKind::List && of != TypeKind::Set && of != TypeKind::Map) {
    return report(Kind::NotIterable, expr.span, {type_text(value.type)});
  }
  return value;
}

uint32_t ExprChecker::bind(TypeId of, const ast::Name& variable, const ast::Name& value_variable) {
  const TypeId element = types_.get(of).element;
  const uint32_t first = scope_.take_locals(kind(of) == TypeKind::Map ? 2 : 1);
  if (kind(of) == TypeKind::Map) {
    scope_.locals.push_back({variable.text, TypeTable::kString, first});
    scope_.locals.push_back({value_variable.text, element, first + 1});
    return first;
  }
  if (!value_variable.text.empty()) {
    pack_.sink.report(Kind::TypeMismatch, value_variable.span, {"a map behind two variables", type_text(of)});
  }
  scope_.locals.push_back({variable.text, element, first});
  return first;
}

void ExprChecker::unbind(size_t locals, uint32_t variable) {
  scope_.locals.resize(locals);
  scope_.local_count = variable;
}

Typed ExprChecker::infer_quantifier(const ast::QuantifierExpr& expr) {
  const Typed over = collection(*expr.collection);
  if (is_bad(over)) {
    return bad(expr.span);
  }
  const size_t outside = scope_.locals.size();
  const uint32_t variable = bind(over.type, expr.variable, expr.value_variable);
  const ExprId holds = condition(*expr.condition);
  unbind(outside, variable);
  const Op op = expr.quantifier == ast::Quantifier::All ? Op::All : Op::Any;
  const ExprId id = emit_.emit(op, TypeTable::kBool, expr.span, {over.id, holds}, variable);
  return negate({id, TypeTable::kBool}, expr.span, expr.quantifier == ast::Quantifier::None);
}

Typed ExprChecker::infer_comprehension(const ast::ComprehensionExpr& expr, TypeId hint) {
  const Typed over = collection(*expr.collection);
  if (is_bad(over)) {
    return bad(expr.span);
  }
  const size_t outside = scope_.locals.size();
  const uint32_t variable = bind(over.type, expr.variable, expr.value_variable);
  ExprId filter = emit_.boolean(true, expr.span);
  std::vector<std::string> present;
  if (expr.condition != nullptr) {
    filter = condition(*expr.condition);
    present = paths_present_when(*expr.condition, true, scope_);
  }
  const TypeId wanted = hint.valid() ? types_.strip_optional(hint) : TypeTable::kError;
  TypeId element_hint;
  if (kind(wanted) == TypeKind::List) {
    element_hint = types_.get(wanted).element;
  }
  Typed element;
  {
    const PresentGuard guard(scope_, std::move(present));
    element = infer(*expr.element, element_hint);
    if (element_hint.valid()) {
      element = convert(element, element_hint, *expr.element);
    }
  }
  unbind(outside, variable);
  if (is_bad(element)) {
    return bad(expr.span);
  }
  const TypeId type = types_.list_of(element.type);
  return {emit_.emit(Op::Comprehend, type, expr.span, {over.id, element.id, filter}, variable), type};
}

/// A bare word that names a label of some rule and nothing else.
bool ExprChecker::is_label(const ast::Expr& expr) const {
  if (expr.kind != ast::ExprKind::Name) {
    return false;
  }
  const std::string& name = static_cast<const ast::NameExpr&>(expr).name;
  return pack_.names.labels.contains(name) && scope_.find_local(name) == nullptr &&
         pack_.names.find(name, expr.span.file) == nullptr;
}

Typed ExprChecker::infer_in(const ast::BinaryExpr& expr) {
  const bool negated = expr.op == BinaryOp::NotIn;
  const ast::Expr& right = *expr.right;
  if (is_label(*expr.left) && right.kind == ast::ExprKind::Name &&
      static_cast<const ast::NameExpr&>(right).name == "labels") {
    const ExprId label =
        emit_.string(static_cast<const ast::NameExpr&>(*expr.left).name, TypeTable::kString, expr.left->span);
    const Typed labels = infer(right);
    return is_bad(labels) ? labels
                          : negate({emit_.emit(Op::Has, TypeTable::kBool, expr.span, {labels.id, label}),
                                    TypeTable::kBool},
                                   expr.span, negated);
  }
  const bool text = right.kind == ast::ExprKind::String;
  if (text || right.kind == ast::ExprKind::List) {
    const Typed left = definite(*expr.left);
    if (is_bad(left) || reject_json(left, *expr.left)) {
      return bad(expr.span);
    }
    if (left.type == TypeTable::kIp) {
      const Typed inside = ip_inside(expr, left);
      return is_bad(inside) ? inside : negate(inside, expr.span, negated);
    }
    if (text) {
      return operator_error(expr, left.type, TypeTable::kString);
    }
    const TypeId type = types_.set_of(left.type);
    const Typed set = convert(infer(right, type), type, right);
    if (is_bad(set)) {
      return bad(expr.span);
    }
    return negate({emit_.emit(Op::Has, TypeTable::kBool, expr.span, {set.id, left.id}), TypeTable::kBool},
                  expr.span, negated);
  }
  const Typed found = has(right, *expr.left, expr);
  return is_bad(found) ? found : negate(found, expr.span, negated);
}

Typed ExprChecker::has(const ast::Expr& collection_expr, const ast::Expr& element_expr,
                       const ast::BinaryExpr& at) {
  const Typed over = definite(collection_expr);
  if (is_bad(over) || reject_json(over, collection_expr)) {
    return bad(at.span);
  }
  const TypeKind of = kind(over.type);
  if (of != TypeKind::List && of != TypeKind::Set && of != TypeKind::Map) {
    const Typed element = infer(element_expr);
    return is_bad(element) ? element : operator_error(at, over.type, element.type);
  }
  const TypeId wanted = of == TypeKind::Map ? TypeTable::kString : types_.get(over.type).element;
  Typed element = definite(element_expr, wanted);
  if (is_bad(element)) {
    return element;
  }
  if (wanted == TypeTable::kIp && element.type == TypeTable::kIp) {
    return inside_any(over, element, at.span);
  }
  element = convert(element, wanted, element_expr);
  if (is_bad(element)) {
    return element;
  }
  return {emit_.emit(Op::Has, TypeTable::kBool, at.span, {over.id, element.id}), TypeTable::kBool};
}

Typed ExprChecker::inside_any(Typed networks, Typed address, Span span) {
  // An address is a network of one, so lists may mix both.
  // The address is evaluated inside the loop: its own variables must stay untouched.
  const uint32_t before = std::exchange(scope_.local_count, scope_.local_peak);
  const uint32_t variable = scope_.take_locals(1);
  scope_.local_count = before;
  const ExprId network = emit_.emit(Op::Local, TypeTable::kIp, span, {}, variable);
  const ExprId inside = emit_.emit(Op::IpInside, TypeTable::kBool, span, {address.id, network});
  return {emit_.emit(Op::Any, TypeTable::kBool, span, {networks.id, inside}, variable), TypeTable::kBool};
}

Typed ExprChecker::ip_inside(const ast::BinaryExpr& expr, Typed address) {
  const auto network = [&](const ast::Expr& item) -> Typed {
    if (item.kind == ast::ExprKind::String && static_cast<const ast::StringExpr&>(item).is_plain()) {
      const std::string text = static_cast<const ast::StringExpr&>(item).plain();
      if (const auto value = read_ip(text, true)) {
        return {emit_.constant(*value, TypeTable::kIp, item.span), TypeTable::kIp};
      }
      return report(Kind::InvalidLiteral, item.span, {text, "an IP address or network like 10.0.0.0/8"});
    }
    return convert(definite(item, TypeTable::kIp), TypeTable::kIp, item);
  };
  if (expr.right->kind == ast::ExprKind::String) {
    const Typed only = network(*expr.right);
    return is_bad(only) ? only
                        : Typed{emit_.emit(Op::IpInside, TypeTable::kBool, expr.span, {address.id, only.id}),
                                TypeTable::kBool};
  }
  std::vector<ExprId> networks;
  bool failed = false;
  for (const ast::Expr* item : static_cast<const ast::ListExpr&>(*expr.right).items) {
    const Typed each = network(*item);
    failed = failed || is_bad(each);
    networks.push_back(each.id);
  }
  if (failed) {
    return bad(expr.span);
  }
  const TypeId type = types_.set_of(TypeTable::kIp);
  const Typed list = sized({emit_.emit(Op::MakeList, type, expr.right->span, networks), type},
                           networks.size(), expr.right->span);
  return is_bad(list) ? list : inside_any(list, address, expr.span);
}

Typed ExprChecker::infer_contains(const ast::BinaryExpr& expr) {
  if (takes_hint(*expr.left) && expr.left->kind != ast::ExprKind::List) {
    return infer_string_contains(expr);
  }
  const size_t errors = pack_.sink.error_count();
  const Typed left = definite(*expr.left);
  if (is_bad(left) || reject_json(left, *expr.left)) {
    return bad(expr.span);
  }
  if (left.type == TypeTable::kString) {
    return infer_string_contains(expr);
  }
  // Nothing was reported, so looking at the left side again reports nothing twice.
  return pack_.sink.error_count() == errors ? has(*expr.left, *expr.right, expr) : bad(expr.span);
}

Typed ExprChecker::infer_string_contains(const ast::BinaryExpr& expr) {
  const Typed left = definite(*expr.left, TypeTable::kString);
  const Typed right = definite(*expr.right, TypeTable::kString);
  if (is_bad(left) || is_bad(right) || reject_json(right, *expr.right)) {
    return bad(expr.span);
  }
  if (left.type != TypeTable::kString || right.type != TypeTable::kString) {
    return operator_error(expr, left.type, right.type);
  }
  return {emit_.emit(Op::StringContains, TypeTable::kBool, expr.span, {left.id, right.id}), TypeTable::kBool};
}

Typed ExprChecker::infer_set_operation(const ast::BinaryExpr& expr, TypeId hint) {
  Typed left;
  Typed right;
  if (!operands(expr, left, right, hint)) {
    return bad(expr.span);
  }
  if (reject_json(left, *expr.left) || reject_json(right, *expr.right)) {
    return bad(expr.span);
  }
  const auto is_collection = [&](TypeId type) {
    return kind(type) == TypeKind::List || kind(type) == TypeKind::Set;
  };
  if (!is_collection(left.type) || !is_collection(right.type) ||
      types_.get(left.type).element != types_.get(right.type).element) {
    return operator_error(expr, left.type, right.type);
  }
  const TypeId set = types_.set_of(types_.get(left.type).element);
  const auto result = [&](Op op, TypeId type) {
    return Typed{emit_.emit(op, type, expr.span, {left.id, right.id}), type};
  };
  if (expr.op == BinaryOp::SubsetOf) {
    return result(Op::SubsetOf, TypeTable::kBool);
  }
  if (expr.op == BinaryOp::Intersects) {
    return result(Op::Intersects, TypeTable::kBool);
  }
  if (expr.op == BinaryOp::Union) {
    return result(Op::Union, set);
  }
  return result(expr.op == BinaryOp::Intersect ? Op::Intersect : Op::Except, set);
}

}  // namespace catalyst::check
