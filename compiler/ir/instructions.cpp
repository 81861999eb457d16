#include "compiler/ir/instructions.h"

#include <cmath>
#include <compare>

#include "compiler/ir/cast.h"
#include "runtime/base/check.h"
#include "runtime/value/decimal.h"

namespace catalyst::ir {

using types::TypeKind;
using value::Kind;
using value::Status;
using value::Value;

namespace {

Status set_bool(Value* out, bool x) {
  *out = Value::of_bool(x);
  return Status::Ok;
}

Status int_arithmetic(Op op, int64_t x, int64_t y, int64_t* out) {
  switch (op) {
    case Op::Add:
      return value::add_int(x, y, out);
    case Op::Sub:
      return value::subtract_int(x, y, out);
    case Op::Mul:
      return value::multiply_int(x, y, out);
    case Op::Div:
      return value::divide_int(x, y, out);
    default:
      return value::remainder_int(x, y, out);
  }
}

Status decimal_arithmetic(Op op, const Value& x, const Value& y, Value* out) {
  switch (op) {
    case Op::Add:
      return value::decimal::add(x, y, out);
    case Op::Sub:
      return value::decimal::subtract(x, y, out);
    case Op::Mul:
      return value::decimal::multiply(x, y, out);
    case Op::Div:
      return value::decimal::divide(x, y, out);
    default:
      return value::decimal::remainder(x, y, out);
  }
}

double float_arithmetic(Op op, double x, double y) {
  switch (op) {
    case Op::Add:
      return x + y;
    case Op::Sub:
      return x - y;
    case Op::Mul:
      return x * y;
    case Op::Div:
      return x / y;
    default:
      return std::fmod(x, y);
  }
}

}  // namespace

Status Instructions::unary(const Expr& e, const Value& x, Value* out) const {
  switch (e.op) {
    case Op::Not:
      return set_bool(out, x.a.integer == 0);
    case Op::IsPresent:
      return set_bool(out, !x.is_absent());
    case Op::Some:
      *out = x;
      return Status::Ok;
    case Op::Unwrap:
      *out = x;
      return x.is_absent() ? Status::Missing : Status::Ok;
    case Op::Neg:
      return negate(e, x, out);
    case Op::IntToDecimal:
      *out = value::decimal::from_int(x.a.integer);
      return Status::Ok;
    case Op::IntToFloat:
      *out = Value::of_float(static_cast<double>(x.a.integer));
      return Status::Ok;
    case Op::DecimalToFloat:
      *out = Value::of_float(value::decimal::to_double(x));
      return Status::Ok;
    case Op::Glob: {
      bool matched = false;
      const Status status = value::glob(scratch_, x.text(), module_.consts[e.payload].text(), &matched);
      *out = Value::of_bool(matched);
      return status;
    }
    case Op::Regex: {
      bool matched = false;
      const Status status = regexes_.matches(scratch_, e.payload, x.text(), &matched);
      *out = Value::of_bool(matched);
      return status;
    }
    case Op::Field:
      *out = value::field(x, module_.consts[e.payload].text());
      return out->is_absent() && !module_.types.is_optional(e.type) ? Status::Missing : Status::Ok;
    case Op::Cast:
      return cast(module_.types, scratch_, x, e.type, out);
    default:
      break;
  }
  CHECK(false, "dispatch sends only unary instructions here");
}

Status Instructions::negate(const Expr& e, const Value& x, Value* out) const {
  if (kind(e.type) == TypeKind::Decimal) {
    return value::decimal::negate(x, out);
  }
  if (kind(e.type) == TypeKind::Float) {
    *out = Value::of_float(-x.a.real);
    return Status::Ok;
  }
  int64_t result = 0;
  const Status status = value::subtract_int(0, x.a.integer, &result);
  *out = Value::of_int(result, x.kind);
  return status;
}

Status Instructions::arithmetic(const Expr& e, const Value& x, const Value& y, Value* out) const {
  if (kind(e.type) == TypeKind::Decimal) {
    return decimal_arithmetic(e.op, x, y, out);
  }
  if (kind(e.type) == TypeKind::Float) {
    *out = Value::of_float(float_arithmetic(e.op, x.a.real, y.a.real));
    return Status::Ok;
  }
  const TypeKind result_kind = kind(e.type);
  const Kind value_kind = result_kind == TypeKind::Time
                              ? Kind::Time
                              : (result_kind == TypeKind::Duration ? Kind::Duration : Kind::Int);
  int64_t result = 0;
  const Status status = int_arithmetic(e.op, x.a.integer, y.a.integer, &result);
  *out = Value::of_int(result, value_kind);
  return status;
}

Status Instructions::equality(const Expr& e, const Value& x, const Value& y, Value* out) const {
  bool same = false;
  const TypeId type = operand_type(e);
  if (is_composite(module_.types, type)) {
    const bool sets = kind(module_.types.strip_optional(type)) == TypeKind::Set && x.kind == Kind::List &&
                      y.kind == Kind::List;
    if (const Status status = value::equal_charged(scratch_, x, y, sets, &same); status != Status::Ok) {
      return status;
    }
  } else {
    same = value::equal(x, y);
  }
  return set_bool(out, same == (e.op == Op::Eq));
}

Status Instructions::ordering(const Expr& e, const Value& x, const Value& y, Value* out) const {
  const std::partial_ordering order = kind(operand_type(e)) == TypeKind::Float
                                          ? x.a.real <=> y.a.real
                                          : std::partial_ordering(value::order(x, y));
  switch (e.op) {
    case Op::Lt:
      return set_bool(out, order < 0);
    case Op::Le:
      return set_bool(out, order <= 0);
    case Op::Gt:
      return set_bool(out, order > 0);
    default:
      return set_bool(out, order >= 0);
  }
}

Status Instructions::binary(const Expr& e, const Value& x, const Value& y, Value* out) const {
  bool truth = false;
  Status status = Status::Ok;
  switch (e.op) {
    case Op::Add:
    case Op::Sub:
    case Op::Mul:
    case Op::Div:
    case Op::Rem:
      return arithmetic(e, x, y, out);
    case Op::Eq:
    case Op::Ne:
      return equality(e, x, y, out);
    case Op::Lt:
    case Op::Le:
    case Op::Gt:
    case Op::Ge:
      return ordering(e, x, y, out);
    case Op::StartsWith:
      return set_bool(out, x.text().starts_with(y.text()));
    case Op::EndsWith:
      return set_bool(out, x.text().ends_with(y.text()));
    case Op::StringContains:
      status = value::contains_text(scratch_, x.text(), y.text(), &truth);
      break;
    case Op::Has:
      status = value::has(scratch_, x, y, &truth);
      break;
    case Op::IpInside:
      return set_bool(out, value::ip_inside(x, y));
    case Op::SubsetOf:
      status = value::subset_of(scratch_, x, y, &truth);
      break;
    case Op::Intersects:
      status = value::intersects(scratch_, x, y, &truth);
      break;
    case Op::Union:
      return value::set_union(scratch_, x, y, out);
    case Op::Intersect:
      return value::set_intersect(scratch_, x, y, out);
    case Op::Except:
      return value::set_except(scratch_, x, y, out);
    case Op::Index:
      *out = value::index(x, y);
      return Status::Ok;
    default:
      CHECK(false, "dispatch sends only binary instructions here");
  }
  *out = Value::of_bool(truth);
  return status;
}

}  // namespace catalyst::ir
