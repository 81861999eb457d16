#include <algorithm>

#include "compiler/check/expr.h"
#include "compiler/check/inputs.h"
#include "compiler/check/narrowing.h"

// Members and elements: `call.args.filter?.name`, `order.lines[0].sku`. The front of a path that leads into
// an input becomes one slot, so that only what rules read is ever taken out of a request; the rest works on
// values.

namespace catalyst::check {

using diagnostics::Kind;
using types::TypeKind;
using types::TypeTable;
using value::Value;

/// One `.member`, `["member"]` or `[index]`.
struct ExprChecker::Step {
  const ast::Expr* expr;    // the path up to and with this step
  const ast::Expr* object;  // the path before it
  const ast::Expr* index = nullptr;
  std::string name;  // when it is fixed
  Span name_span;
  bool fixed = false;  // a member, or an index that is a string literal
  bool is_member = false;
  bool optional = false;  // written with `?`
};

namespace {

std::string_view root_of(const ast::Expr* expr, const ast::NameExpr** name) {
  while (expr->kind == ast::ExprKind::Member || expr->kind == ast::ExprKind::Index) {
    expr = expr->kind == ast::ExprKind::Member ? static_cast<const ast::MemberExpr*>(expr)->object
                                               : static_cast<const ast::IndexExpr*>(expr)->object;
  }
  if (expr->kind != ast::ExprKind::Name) {
    return {};
  }
  *name = static_cast<const ast::NameExpr*>(expr);
  return (*name)->name;
}

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    out.emplace_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return out;
}

}  // namespace

Typed ExprChecker::infer_path(const ast::Expr& expr) {
  std::vector<Step> steps;
  const ast::Expr* at = &expr;
  while (at->kind == ast::ExprKind::Member || at->kind == ast::ExprKind::Index) {
    Step step;
    step.expr = at;
    if (at->kind == ast::ExprKind::Member) {
      const auto& member = static_cast<const ast::MemberExpr&>(*at);
      step.object = member.object;
      step.name = member.member.text;
      step.name_span = member.member.span;
      step.fixed = step.is_member = true;
      step.optional = member.optional;
    } else {
      const auto& index = static_cast<const ast::IndexExpr&>(*at);
      step.object = index.object;
      step.index = index.index;
      step.name_span = index.index->span;
      step.optional = index.optional;
      if (index.index->kind == ast::ExprKind::String &&
          static_cast<const ast::StringExpr&>(*index.index).is_plain()) {
        step.name = static_cast<const ast::StringExpr&>(*index.index).plain();
        step.fixed = true;
      }
    }
    steps.push_back(std::move(step));
    at = steps.back().object;
  }
  std::reverse(steps.begin(), steps.end());

  const ast::NameExpr* root = nullptr;
  const std::string_view name = root_of(at, &root);
  const bool free_name = root != nullptr && scope_.find_local(name) == nullptr &&
                         pack_.names.find(name, root->span.file) == nullptr;
  if (free_name && is_input_root(name)) {
    return infer_input(*root, steps, expr);
  }
  if (free_name && steps[0].is_member) {
    if (Import* import = pack_.names.find_import(name, root->span.file)) {
      return infer_imported(*import, steps, expr);
    }
    const TypeId type = pack_.type_names.find_enum(name, root->span.file);
    if (type.valid()) {
      const Typed member = enum_member(steps[0].name, type, steps[0].name_span);
      return is_bad(member) ? member : walk_value(member, std::span(steps).subspan(1));
    }
  }
  return walk_value(infer(*at), steps);
}

/// `shared.is_operator`, `shared.Env.prod`, `shared.limits["x"]`.
Typed ExprChecker::infer_imported(Import& import, std::vector<Step>& steps, const ast::Expr& whole) {
  const Step& first = steps[0];
  if (steps.size() > 1 && steps[1].is_member) {
    const std::string name = import.decl->alias.text + "." + first.name;
    if (const TypeId type = pack_.type_names.find_enum(name, whole.span.file); type.valid()) {
      const Typed member = enum_member(steps[1].name, type, steps[1].name_span);
      return is_bad(member) ? member : walk_value(member, std::span(steps).subspan(2));
    }
  }
  const Symbol* symbol = pack_.find_exported(import, {first.name, first.name_span});
  if (symbol == nullptr) {
    return bad(whole.span);
  }
  return walk_value(symbol_value(*symbol, first.name, first.expr->span), std::span(steps).subspan(1));
}

bool ExprChecker::input_allowed(std::string_view root, Span span) {
  if (scope_.kind == ScopeKind::Function) {
    report(Kind::ImpureFunction, span, {"the input", std::string(root)});
    return false;
  }
  if (scope_.kind == ScopeKind::Constant) {
    report(Kind::NotConstant, span, {pack_.quote(span)});
    return false;
  }
  if (!input_everywhere(root)) {
    scope_.depends(Dependence::Hook);
  }
  if (!input_available(root, scope_.hook)) {
    auto& diagnostic = pack_.sink.report(Kind::InputNotHere, span,
                                         {std::string(root), std::string(abi::hook_name(scope_.hook))});
    scope_.add_user_note(diagnostic);
    return false;
  }
  return true;
}

TypeId ExprChecker::input_type(const InputMember& member) {
  switch (member.type) {
    case InputType::String:
      return TypeTable::kString;
    case InputType::OptionalString:
      return types_.optional_of(TypeTable::kString);
    case InputType::Int:
      return TypeTable::kInt;
    case InputType::OptionalInt:
      return types_.optional_of(TypeTable::kInt);
    case InputType::OptionalDecimal:
      return types_.optional_of(TypeTable::kDecimal);
    case InputType::Bool:
      return TypeTable::kBool;
    case InputType::OptionalBool:
      return types_.optional_of(TypeTable::kBool);
    case InputType::Ip:
      return types_.optional_of(TypeTable::kIp);
    case InputType::Time:
      return TypeTable::kTime;
    case InputType::Json:
      return TypeTable::kJson;
    case InputType::OptionalJson:
      return types_.optional_of(TypeTable::kJson);
    case InputType::StringSet:
      return types_.set_of(TypeTable::kString);
    case InputType::OptionalStringMap:
      return types_.optional_of(types_.map_of(TypeTable::kString));
    case InputType::JsonList:
      return types_.list_of(TypeTable::kJson);
    case InputType::OptionalJsonList:
      return types_.optional_of(types_.list_of(TypeTable::kJson));
    case InputType::Arguments:
      scope_.depends(Dependence::Tools);
      return scope_.tools->args;
    case InputType::Structured:
      // A failed call has no structured result, whatever the schema says.
      scope_.depends(Dependence::Tools);
      return types_.optional_of(scope_.tools->structured);
  }
  return TypeTable::kError;
}

Typed ExprChecker::infer_input(const ast::NameExpr& root, std::vector<Step>& steps, const ast::Expr& whole) {
  if (!input_allowed(root.name, root.span)) {
    return bad(whole.span);
  }
  std::string name;
  for (size_t i = 0; i < steps.size() && steps[i].fixed; ++i) {
    const std::string group = name;
    name += (i == 0 ? "" : ".") + steps[i].name;
    if (const InputMember* member = find_input(root.name, name)) {
      scope_.depends(member->hooks == kEveryHook ? Dependence::None : Dependence::Hook);
      if (!contains(member->hooks, scope_.hook)) {
        auto& diagnostic = pack_.sink.report(
            Kind::InputNotHere, whole.span,
            {std::string(root.name) + "." + name, std::string(abi::hook_name(scope_.hook))});
        scope_.add_user_note(diagnostic);
        return bad(whole.span);
      }
      return read_slot(member->slot, split_path(member->path), input_type(*member), steps, i + 1);
    }
    if (!is_input_group(root.name, name)) {
      const std::string shown = group.empty() ? root.name : root.name + "." + group;
      auto& diagnostic =
          pack_.sink.report(Kind::UnknownField, steps[i].name_span, {steps[i].name, "`" + shown + "`"});
      suggest(diagnostic, steps[i].name_span, steps[i].name, input_members(root.name, group));
      return bad(whole.span);
    }
  }
  const std::string shown = name.empty() ? root.name : root.name + "." + name;
  return report(Kind::NotAValue, whole.span,
                {shown, "a group of inputs (" + quote_list(input_members(root.name, name)) + ")"});
}

Typed ExprChecker::read_slot(abi::InputRoot root, std::vector<std::string> path, TypeId type,
                             std::vector<Step>& steps, size_t next) {
  const size_t first = next;
  bool may_miss = false;  // some step on the way is optional: the slot is
  bool chained = false;   // and nothing around says that it is present: so is the value
  for (; next < steps.size() && steps[next].fixed; ++next) {
    const Step& step = steps[next];
    TypeId inner = type;
    if (types_.is_optional(type)) {
      inner = types_.get(type).element;
      may_miss = true;
      if (known_present(*step.object)) {
        chained = false;
      } else if (step.optional || inner == TypeTable::kJson) {
        chained = true;
      } else {
        return optional_unguarded(*step.object, type);
      }
    }
    if (kind(inner) == TypeKind::List) {
      break;
    }
    const TypeId stepped = static_step(inner, step);
    if (stepped == TypeTable::kError) {
      return bad(step.expr->span);
    }
    type = stepped;
    path.push_back(step.name);
  }
  const Span span = next == first ? (first == 0 ? steps[0].object->span : steps[first - 1].expr->span)
                                  : steps[next - 1].expr->span;
  const TypeId slot_type = may_miss ? types_.optional_of(type) : type;
  const TypeId value_type = chained ? types_.optional_of(type) : type;
  ExprId id = emit_.slot(root, std::move(path), slot_type, span);
  if (slot_type != value_type) {
    id = emit_.emit(Op::Unwrap, value_type, span, {id});
  }
  return walk_value({id, value_type}, std::span(steps).subspan(next));
}

TypeId ExprChecker::static_step(TypeId type, const Step& step) {
  switch (kind(type)) {
    case TypeKind::Error:
      return type;
    case TypeKind::Json:
      return types_.optional_of(TypeTable::kJson);
    case TypeKind::Map:
      if (!step.is_member) {
        return types_.optional_of(types_.get(type).element);
      }
      break;
    case TypeKind::Record:
      if (const types::Field* field = types_.field(type, step.name)) {
        return field->type;
      }
      break;
    case TypeKind::Bool:
    case TypeKind::Int:
    case TypeKind::Decimal:
    case TypeKind::Float:
    case TypeKind::String:
    case TypeKind::Bytes:
    case TypeKind::Time:
    case TypeKind::Duration:
    case TypeKind::Ip:
    case TypeKind::Enum:
    case TypeKind::List:
    case TypeKind::Set:
    case TypeKind::Optional:
      break;
  }
  unknown_member(type, step);
  return TypeTable::kError;
}

Typed ExprChecker::unknown_member(TypeId type, const Step& step) {
  std::vector<std::string_view> fields;
  if (kind(type) == TypeKind::Record) {
    for (const types::Field& field : types_.get(type).fields) {
      fields.push_back(field.name);
    }
  }
  const bool argument = scope_.tools != nullptr && type == scope_.tools->args;
  auto& diagnostic =
      argument ? pack_.sink.report(Kind::UnknownArgument, step.name_span,
                                   {step.name, "the arguments of `" + scope_.tools->text + "`"})
               : pack_.sink.report(Kind::UnknownField, step.name_span, {step.name, type_text(type)});
  if (kind(type) == TypeKind::Map) {
    diagnostic.notes.push_back({{}, "members of a map are read with `[\"" + step.name + "\"]`"});
  } else {
    suggest(diagnostic, step.name_span, step.name, fields);
  }
  if (argument && !fields.empty() && diagnostic.fixes.empty()) {
    diagnostic.notes.push_back({{}, "there are " + quote_list(fields)});
  }
  scope_.add_user_note(diagnostic);
  return bad(step.expr->span);
}

Typed ExprChecker::walk_value(Typed value, std::span<const Step> steps) {
  for (const Step& step : steps) {
    if (is_bad(value)) {
      return bad(step.expr->span);
    }
    if (types_.is_optional(value.type) && known_present(*step.object)) {
      const TypeId inner = types_.get(value.type).element;
      value = {emit_.emit(Op::Unwrap, inner, step.object->span, {value.id}), inner};
    }
    const TypeId inner = types_.strip_optional(value.type);
    if (inner != value.type && !step.optional && inner != TypeTable::kJson) {
      return optional_unguarded(*step.object, value.type);
    }
    value = step_value(value, step);
  }
  return value;
}

Typed ExprChecker::step_value(Typed value, const Step& step) {
  const Span span = step.expr->span;
  const TypeId inner = types_.strip_optional(value.type);
  const TypeKind of = kind(inner);
  if (of == TypeKind::List || (!step.fixed && (of == TypeKind::Map || of == TypeKind::Json))) {
    if (step.is_member) {
      return report(Kind::UnknownField, step.name_span, {step.name, type_text(value.type)});
    }
    Typed index = definite(*step.index, of == TypeKind::Map ? TypeTable::kString : TypeTable::kInt);
    if (is_bad(index)) {
      return index;
    }
    const bool fits = (index.type == TypeTable::kInt && of != TypeKind::Map) ||
                      (index.type == TypeTable::kString && of != TypeKind::List);
    if (!fits) {
      return report(Kind::TypeMismatch, step.index->span,
                    {of == TypeKind::Map ? "`string`" : "`int`", type_text(index.type)});
    }
    const TypeId element = of == TypeKind::Json ? inner : types_.get(inner).element;
    const TypeId result = types_.optional_of(element);
    return {emit_.emit(Op::Index, result, span, {value.id, index.id}), result};
  }
  if (!step.fixed) {
    return report(Kind::OperatorTypes, span, {"[]", type_text(value.type)});
  }
  const TypeId member = static_step(inner, step);
  if (member == TypeTable::kError) {
    return bad(span);
  }
  const TypeId result = inner == value.type ? member : types_.optional_of(member);
  if (of == TypeKind::Map) {
    const ExprId key = emit_.string(step.name, TypeTable::kString, step.name_span);
    return {emit_.emit(Op::Index, result, span, {value.id, key}), result};
  }
  const uint32_t name = emit_.constant_id(Value::of_string(step.name), TypeTable::kString).index;
  return {emit_.emit(Op::Field, result, span, {value.id}, name), result};
}

}  // namespace catalyst::check
