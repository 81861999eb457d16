#include <optional>

#include "compiler/check/emitter.h"
#include "runtime/base/budget.h"
#include "runtime/value/decimal.h"
#include "runtime/value/ops.h"

// Operations on constants, computed while compiling with the functions that the interpreter uses.

namespace catalyst::check {
namespace {

using types::TypeKind;
using types::TypeTable;
using value::Status;
using value::Value;

/// What folding may take: more work stays for run time, where it is charged to the rule.
constexpr int64_t kFoldFuel = 100'000;
/// Elements that all folded set operations of a module may make together: each result is stored.
constexpr uint64_t kFoldElements = 1'000'000;

struct Folded {
  Status status;
  Value value;
};

Folded truth(bool value) { return {Status::Ok, Value::of_bool(value)}; }

std::optional<Folded> compare(Op op, TypeKind kind, const Value& a, const Value& b) {
  if (kind == TypeKind::Float) {
    const double x = a.a.real;
    const double y = b.a.real;
    return truth(op == Op::Lt ? x < y : op == Op::Le ? x <= y : op == Op::Gt ? x > y : x >= y);
  }
  const auto order = value::order(a, b);
  return truth(op == Op::Lt ? order < 0 : op == Op::Le ? order <= 0 : op == Op::Gt ? order > 0 : order >= 0);
}

Folded integers(Op op, value::Kind kind, int64_t a, int64_t b) {
  int64_t out = 0;
  const Status status = op == Op::Add   ? value::add_int(a, b, &out)
                        : op == Op::Sub ? value::subtract_int(a, b, &out)
                        : op == Op::Mul ? value::multiply_int(a, b, &out)
                        : op == Op::Div ? value::divide_int(a, b, &out)
                                        : value::remainder_int(a, b, &out);
  return {status, Value::of_int(out, kind)};
}

Folded decimals(Op op, const Value& a, const Value& b) {
  Value out;
  const Status status = op == Op::Add   ? value::decimal::add(a, b, &out)
                        : op == Op::Sub ? value::decimal::subtract(a, b, &out)
                        : op == Op::Mul ? value::decimal::multiply(a, b, &out)
                        : op == Op::Div ? value::decimal::divide(a, b, &out)
                                        : value::decimal::remainder(a, b, &out);
  return {status, out};
}

value::Kind result_kind(TypeKind kind) {
  return kind == TypeKind::Time       ? value::Kind::Time
         : kind == TypeKind::Duration ? value::Kind::Duration
                                      : value::Kind::Int;
}

std::optional<Folded> unary(Op op, const Value& a) {
  if (op == Op::IntToDecimal) {
    return Folded{Status::Ok, value::decimal::from_int(a.a.integer)};
  }
  if (op == Op::IntToFloat) {
    return Folded{Status::Ok, Value::of_float(static_cast<double>(a.a.integer))};
  }
  if (op == Op::DecimalToFloat) {
    return Folded{Status::Ok, Value::of_float(value::decimal::to_double(a))};
  }
  if (op == Op::Neg && a.kind == value::Kind::Decimal) {
    Value out;
    const Status status = value::decimal::negate(a, &out);
    return Folded{status, out};
  }
  if (op == Op::Neg && a.kind != value::Kind::Float) {
    return integers(Op::Sub, a.kind, 0, a.a.integer);
  }
  return std::nullopt;
}

std::optional<Folded> binary(Op op, TypeKind result, TypeKind left, const Value& a, const Value& b,
                             const value::Scratch& scratch) {
  bool holds = false;
  switch (op) {
    case Op::Eq:
    case Op::Ne: {
      if (left == TypeKind::Float || left == TypeKind::Json || left == TypeKind::Record) {
        return std::nullopt;
      }
      const Status status = value::equal_charged(scratch, a, b, left == TypeKind::Set, &holds);
      return Folded{status, Value::of_bool(holds == (op == Op::Eq))};
    }
    case Op::Lt:
    case Op::Le:
    case Op::Gt:
    case Op::Ge:
      return compare(op, left, a, b);
    case Op::Add:
    case Op::Sub:
    case Op::Mul:
    case Op::Div:
    case Op::Rem:
      if (left == TypeKind::Float) {
        return std::nullopt;
      }
      return left == TypeKind::Decimal ? decimals(op, a, b)
                                       : integers(op, result_kind(result), a.a.integer, b.a.integer);
    case Op::StartsWith:
      return truth(a.text().starts_with(b.text()));
    case Op::EndsWith:
      return truth(a.text().ends_with(b.text()));
    case Op::StringContains:
      return Folded{value::contains_text(scratch, a.text(), b.text(), &holds), Value::of_bool(holds)};
    case Op::Has:
      return Folded{value::has(scratch, a, b, &holds), Value::of_bool(holds)};
    case Op::SubsetOf:
      return Folded{value::subset_of(scratch, a, b, &holds), Value::of_bool(holds)};
    case Op::Intersects:
      return Folded{value::intersects(scratch, a, b, &holds), Value::of_bool(holds)};
    case Op::IpInside:
      return truth(value::ip_inside(a, b));
    case Op::Union:
    case Op::Intersect:
    case Op::Except: {
      Value out;
      const Status status = op == Op::Union       ? value::set_union(scratch, a, b, &out)
                            : op == Op::Intersect ? value::set_intersect(scratch, a, b, &out)
                                                  : value::set_except(scratch, a, b, &out);
      return Folded{status, out};
    }
    case Op::Const:
    case Op::Slot:
    case Op::Local:
    case Op::Fact:
    case Op::CallFn:
    case Op::Not:
    case Op::And:
    case Op::Or:
    case Op::If:
    case Op::Switch:
    case Op::FirstTrue:
    case Op::Lookup:
    case Op::LookupAll:
    case Op::Coalesce:
    case Op::IsPresent:
    case Op::Some:
    case Op::Unwrap:
    case Op::Neg:
    case Op::IntToDecimal:
    case Op::IntToFloat:
    case Op::DecimalToFloat:
    case Op::Glob:
    case Op::Regex:
    case Op::Interpolate:
    case Op::Field:
    case Op::Index:
    case Op::Cast:
    case Op::MakeList:
    case Op::MakeMap:
    case Op::Any:
    case Op::All:
    case Op::Comprehend:
    case Op::Builtin:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

ExprId Emitter::fold_values(Op op, TypeId type, Span span, std::span<const ExprId> operands) {
  Arena arena;
  int64_t fuel = kFoldFuel;
  const value::Scratch scratch{&arena, &fuel};
  const Value a = *constant_value(operands[0]);
  std::optional<Folded> folded;
  if (!Budget::spend()) {
    return {};
  }
  if (operands.size() == 1) {
    folded = unary(op, a);
  } else if (operands.size() == 2) {
    if (const Value* b = constant_value(operands[1])) {
      const TypeKind left = module_.types.kind(module_.expr(operands[0]).type);
      folded = binary(op, module_.types.kind(type), left, a, *b, scratch);
    }
  }
  Budget::spend(static_cast<uint64_t>(kFoldFuel - fuel));
  if (!folded || folded->status == Status::OutOfFuel || folded->status == Status::OutOfMemory) {
    return {};
  }
  if (folded->value.kind == value::Kind::List) {
    folded_elements_ += folded->value.length;
    if (folded_elements_ > kFoldElements) {
      return {};
    }
  }
  if (folded->status != Status::Ok) {
    failures_.push_back({span, folded->status});
    return {};
  }
  return constant(folded->value, type, span);
}

}  // namespace catalyst::check
