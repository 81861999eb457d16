#include "tests/unit/differential/module_builder.h"

#include <iterator>

#include "runtime/value/ip.h"

namespace catalyst::differential {

using ir::ExprId;
using ir::Op;
using types::TypeId;
using types::TypeKind;
using types::TypeTable;
using value::Kind;
using value::Value;

ModuleBuilder::ModuleBuilder(uint64_t seed)
    : random_(seed), module_(std::make_shared<ir::Module>()), m_(*module_) {
  make_types();
}

void ModuleBuilder::make_types() {
  enum_ = m_.types.enum_type("E", {"dev", "staging", "prod"}, false);
  scalars_ = {TypeTable::kBool,     TypeTable::kInt,    TypeTable::kDecimal,
              TypeTable::kFloat,    TypeTable::kString, TypeTable::kTime,
              TypeTable::kDuration, TypeTable::kIp,     enum_};
  record_ = m_.types.record_type(
      "R",
      {{"a", TypeTable::kInt}, {"b", m_.types.optional_of(TypeTable::kString)}, {"c", TypeTable::kDecimal}},
      false);
  composites_ = {m_.types.list_of(TypeTable::kInt),
                 m_.types.list_of(TypeTable::kString),
                 m_.types.list_of(TypeTable::kDecimal),
                 m_.types.set_of(TypeTable::kString),
                 m_.types.set_of(TypeTable::kInt),
                 m_.types.map_of(TypeTable::kString),
                 m_.types.map_of(TypeTable::kInt),
                 record_,
                 TypeTable::kJson,
                 m_.types.list_of(record_)};
  all_ = scalars_;
  all_.insert(all_.end(), composites_.begin(), composites_.end());
  m_.types.optional_of(TypeTable::kJson);
}

ExprId ModuleBuilder::add(Op op, TypeId type, const std::vector<ExprId>& operands, uint32_t payload) {
  ir::Expr e{op, type, payload, static_cast<uint32_t>(m_.operands.size()),
             static_cast<uint32_t>(operands.size())};
  m_.operands.insert(m_.operands.end(), operands.begin(), operands.end());
  m_.exprs.push_back(e);
  m_.expr_spans.emplace_back();
  return ExprId(m_.exprs.size() - 1);
}

uint32_t ModuleBuilder::constant(const Value& v, TypeId type) {
  m_.consts.push_back(v);
  m_.const_types.push_back(type);
  return static_cast<uint32_t>(m_.consts.size() - 1);
}

Value ModuleBuilder::text(std::string_view s) { return Value::of_string(m_.const_arena.copy(s)); }

int64_t ModuleBuilder::some_int() {
  static constexpr int64_t kInts[] = {
      0, 1, -1, 2, 3, 5, 7, 10, 60, 100, 1000, 3'600'000'000, INT64_MAX, INT64_MIN, INT64_MAX - 1, -7};
  return kInts[below(std::size(kInts))];
}

std::string ModuleBuilder::some_text() {
  static const std::vector<std::string> kTexts = {
      "",        "a",   "aab", "x",  "xyz",         "prod", "dev",
      "12",      "123", "é",   "zé", "hello world", "a*b",  "2026-01-01T00:00:00Z",
      "10.1.2.3"};
  return pick(kTexts);
}

ExprId ModuleBuilder::literal(TypeId type) {
  Value v;
  switch (m_.types.kind(type)) {
    case TypeKind::Bool:
      v = Value::of_bool(one_in(2));
      break;
    case TypeKind::Int:
      v = Value::of_int(some_int());
      break;
    case TypeKind::Time:
      v = Value::of_int(some_int(), Kind::Time);
      break;
    case TypeKind::Duration:
      v = Value::of_int(some_int(), Kind::Duration);
      break;
    case TypeKind::Decimal:
      v = Value::of_decimal(static_cast<__int128>(below(2000)) * 2 - 1999, static_cast<uint8_t>(below(3)));
      while (v.scale > 0 && v.coefficient() % 10 == 0) {
        v = Value::of_decimal(v.coefficient() / 10, static_cast<uint8_t>(v.scale - 1));
      }
      break;
    case TypeKind::Float: {
      static constexpr double kFloats[] = {0.0, -0.0, 1.5, -2.25, 1e300, 1e-300};
      v = Value::of_float(kFloats[below(std::size(kFloats))]);
      break;
    }
    case TypeKind::String:
      v = text(some_text());
      break;
    case TypeKind::Enum:
      v = text(pick(m_.types.get(type).members));
      break;
    case TypeKind::Ip: {
      static const std::vector<std::string> kIps = {"10.0.0.0/8",    "10.1.2.3", "192.168.1.1",
                                                    "2001:db8::/32", "::1",      "0.0.0.0/0"};
      v = *value::parse_ip(pick(kIps));
      break;
    }
    default:
      return composite_literal(type);
  }
  return add(Op::Const, type, {}, constant(v, type));
}

ExprId ModuleBuilder::composite_literal(TypeId type) {
  const TypeKind kind = m_.types.kind(type);
  const TypeId element = m_.types.get(type).element;
  if (kind == TypeKind::Optional) {
    return one_in(2) ? add(Op::Const, type, {}, constant(Value::absent(), type))
                     : add(Op::Some, type, {literal(element)});
  }
  if (kind == TypeKind::Json) {
    return add(Op::Const, type, {},
               constant(one_in(2) ? Value::of_int(some_int()) : text(some_text()), type));
  }
  std::vector<ExprId> operands;
  if (kind == TypeKind::Record) {
    for (size_t i = 0; i < m_.types.get(type).fields.size(); i++) {
      const types::Field field = m_.types.get(type).fields[i];
      operands.push_back(key(field.name));
      operands.push_back(literal(field.type));
    }
    return add(Op::MakeMap, type, operands);
  }
  for (uint32_t i = below(4); i > 0; i--) {
    if (kind == TypeKind::Map) {
      operands.push_back(key(some_text()));
    }
    operands.push_back(literal(element));
  }
  return add(kind == TypeKind::Map ? Op::MakeMap : Op::MakeList, type, operands);
}

ExprId ModuleBuilder::key(const std::string& name) {
  return add(Op::Const, TypeTable::kString, {}, constant(text(name), TypeTable::kString));
}

}  // namespace catalyst::differential
