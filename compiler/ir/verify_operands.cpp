#include "compiler/ir/verify_operands.h"

#include "compiler/ir/signature.h"
#include "runtime/value/builtin.h"

namespace catalyst::ir {

using types::TypeKind;
using value::Kind;

namespace {

/// json? is made by whoever needs it; the table of a module that never does has no such type.
TypeId find_json_optional(const types::TypeTable& table) {
  for (uint32_t i = 0; i < table.size(); i++) {
    const types::Type& t = table.get(TypeId(i));
    if (t.kind == TypeKind::Optional && t.element == types::TypeTable::kJson) {
      return TypeId(i);
    }
  }
  return {};
}

bool number(TypeKind k) { return k == TypeKind::Int || k == TypeKind::Decimal || k == TypeKind::Float; }
bool ordered(TypeKind k) {
  return number(k) || k == TypeKind::String || k == TypeKind::Time || k == TypeKind::Duration;
}
bool sequence(TypeKind k) { return k == TypeKind::List || k == TypeKind::Set; }
bool is_text(TypeKind k) { return k == TypeKind::String || k == TypeKind::Enum; }

}  // namespace

OperandTypes::OperandTypes(const Module& module)
    : m_(module), json_optional_(find_json_optional(module.types)) {}

bool OperandTypes::fit(const Expr& e) const {
  switch (e.op) {
    case Op::Const:
      return e.payload < m_.consts.size() && m_.const_types[e.payload] == e.type;
    case Op::Slot:
      return e.payload < m_.slots.size() && m_.slots[e.payload].type == e.type;
    case Op::Local:
      return e.payload < kMaxLocals;
    case Op::Fact:
      return e.payload < m_.facts.size() && m_.facts[e.payload].value.index < m_.exprs.size() &&
             m_.expr(m_.facts[e.payload].value).type == e.type;
    case Op::CallFn:
      return call(e);
    case Op::Not:
      return boolean(e) && boolean_operands(e, 1);
    case Op::And:
    case Op::Or:
      return boolean(e) && boolean_operands(e, 2);
    case Op::If:
      return operand_kind(e, 0) == TypeKind::Bool && operand_type(e, 1) == e.type &&
             operand_type(e, 2) == e.type;
    case Op::Switch:
      return selection(e);
    case Op::FirstTrue:
      return kind(e.type) == TypeKind::Int && e.payload < m_.decisions.size() &&
             boolean_operands(e, e.operand_count);
    case Op::Lookup:
      return kind(e.type) == TypeKind::Int && lookup(e);
    case Op::LookupAll:
      return kind(e.type) == TypeKind::List && kind(m_.types.get(e.type).element) == TypeKind::Int &&
             lookup(e);
    case Op::Coalesce:
      return optional(operand_type(e, 0)) && operand_type(e, 1) == e.type &&
             m_.types.strip_optional(operand_type(e, 0)) == m_.types.strip_optional(e.type);
    case Op::IsPresent:
      return boolean(e) && optional(operand_type(e, 0));
    case Op::Some:
      return optional(e.type) && m_.types.strip_optional(e.type) == operand_type(e, 0);
    case Op::Unwrap:
      return optional(operand_type(e, 0)) && m_.types.strip_optional(operand_type(e, 0)) == e.type;
    case Op::Neg:
      return operand_type(e, 0) == e.type && (number(kind(e.type)) || kind(e.type) == TypeKind::Duration);
    case Op::Add:
    case Op::Sub:
    case Op::Mul:
    case Op::Div:
    case Op::Rem:
      return arithmetic(e);
    case Op::IntToDecimal:
      return kind(e.type) == TypeKind::Decimal && operand_kind(e, 0) == TypeKind::Int;
    case Op::IntToFloat:
      return kind(e.type) == TypeKind::Float && operand_kind(e, 0) == TypeKind::Int;
    case Op::DecimalToFloat:
      return kind(e.type) == TypeKind::Float && operand_kind(e, 0) == TypeKind::Decimal;
    case Op::Eq:
    case Op::Ne:
      return boolean(e) && operand_type(e, 0) == operand_type(e, 1);
    case Op::Lt:
    case Op::Le:
    case Op::Gt:
    case Op::Ge:
      return boolean(e) && operand_type(e, 0) == operand_type(e, 1) && ordered(operand_kind(e, 0));
    case Op::StartsWith:
    case Op::EndsWith:
    case Op::StringContains:
      return boolean(e) && is_text(operand_kind(e, 0)) && is_text(operand_kind(e, 1));
    case Op::Glob:
      return boolean(e) && is_text(operand_kind(e, 0)) && const_string(e.payload);
    case Op::Regex:
      return boolean(e) && is_text(operand_kind(e, 0)) && e.payload < m_.regexes.size();
    case Op::Has:
      return boolean(e) && has(e);
    case Op::IpInside:
      return boolean(e) && operand_kind(e, 0) == TypeKind::Ip && operand_kind(e, 1) == TypeKind::Ip;
    case Op::SubsetOf:
    case Op::Intersects:
      return boolean(e) && sequence(operand_kind(e, 0)) && sequence(operand_kind(e, 1)) && same_element(e);
    case Op::Union:
    case Op::Intersect:
    case Op::Except:
      return kind(e.type) == TypeKind::Set && sequence(operand_kind(e, 0)) && sequence(operand_kind(e, 1)) &&
             same_element(e) && m_.types.get(e.type).element == m_.types.get(operand_type(e, 0)).element;
    case Op::Field:
      return const_string(e.payload) && field(e);
    case Op::Index:
      return optional(e.type) && index(e);
    case Op::Cast:
      return optional(e.type) && m_.types.strip_optional(operand_type(e, 0)) == types::TypeTable::kJson;
    case Op::Interpolate:
      return kind(e.type) == TypeKind::String;
    case Op::MakeList:
      return list(e);
    case Op::MakeMap:
      return map(e);
    case Op::Any:
    case Op::All:
      return boolean(e) && iterable(e) && operand_kind(e, 1) == TypeKind::Bool && e.payload + 1 < kMaxLocals;
    case Op::Comprehend:
      return iterable(e) && kind(e.type) == TypeKind::List &&
             m_.types.get(e.type).element == operand_type(e, 1) && operand_kind(e, 2) == TypeKind::Bool &&
             e.payload + 1 < kMaxLocals;
    case Op::Builtin:
      return e.payload < value::builtins().size() && fits_signature(m_, e);
  }
  return false;
}

bool OperandTypes::boolean_operands(const Expr& e, uint32_t count) const {
  for (uint32_t i = 0; i < count; i++) {
    if (operand_kind(e, i) != TypeKind::Bool) {
      return false;
    }
  }
  return true;
}

bool OperandTypes::const_string(uint32_t id) const {
  return id < m_.consts.size() && m_.consts[id].kind == Kind::String;
}

bool OperandTypes::same_element(const Expr& e) const {
  return m_.types.get(operand_type(e, 0)).element == m_.types.get(operand_type(e, 1)).element;
}

bool OperandTypes::iterable(const Expr& e) const {
  return sequence(operand_kind(e, 0)) || operand_kind(e, 0) == TypeKind::Map;
}

bool OperandTypes::call(const Expr& e) const {
  if (e.payload >= m_.functions.size()) {
    return false;
  }
  const Function& f = m_.functions[e.payload];
  if (f.result != e.type || f.parameters.size() != e.operand_count || f.parameters.size() > kMaxLocals) {
    return false;
  }
  for (uint32_t i = 0; i < e.operand_count; i++) {
    if (operand_type(e, i) != f.parameters[i]) {
      return false;
    }
  }
  return true;
}

bool OperandTypes::selection(const Expr& e) const {
  if (e.operand_count < 2 || operand_kind(e, 0) != TypeKind::Int) {
    return false;
  }
  for (uint32_t i = 1; i < e.operand_count; i++) {
    if (operand_type(e, i) != e.type) {
      return false;
    }
  }
  return true;
}

bool OperandTypes::lookup(const Expr& e) const {
  if (e.payload >= m_.tables.size() || m_.tables[e.payload].columns.size() != e.operand_count) {
    return false;
  }
  for (uint32_t i = 0; i < e.operand_count; i++) {
    if (operand_type(e, i) != m_.tables[e.payload].columns[i].type) {
      return false;
    }
  }
  return e.operand_count <= abi::LookupTable::kMaxColumns;
}

bool OperandTypes::arithmetic(const Expr& e) const {
  const TypeKind a = operand_kind(e, 0);
  const TypeKind b = operand_kind(e, 1);
  const TypeKind r = kind(e.type);
  if (number(r)) {
    return a == r && b == r;
  }
  const bool sum = e.op == Op::Add || e.op == Op::Sub;
  if (r == TypeKind::Time) {
    return sum && a == TypeKind::Time && b == TypeKind::Duration;
  }
  if (r != TypeKind::Duration) {
    return false;
  }
  if (a == TypeKind::Time) {
    return e.op == Op::Sub && b == TypeKind::Time;
  }
  return a == TypeKind::Duration && (sum ? b == TypeKind::Duration : (e.op != Op::Rem && b == TypeKind::Int));
}

bool OperandTypes::has(const Expr& e) const {
  const TypeKind k = operand_kind(e, 0);
  if (k == TypeKind::Map) {
    return is_text(operand_kind(e, 1));
  }
  return sequence(k) && m_.types.get(operand_type(e, 0)).element == operand_type(e, 1);
}

/// Of an optional record or json the result is optional, too: absent is handed through.
/// Of an optional object the member is optional too.
bool OperandTypes::field(const Expr& e) const {
  const TypeId object = m_.types.strip_optional(operand_type(e, 0));
  if (kind(object) == TypeKind::Json) {
    return e.type == json_optional_;
  }
  const types::Field* field =
      kind(object) == TypeKind::Record ? m_.types.field(object, m_.consts[e.payload].text()) : nullptr;
  if (field == nullptr) {
    return false;
  }
  return optional(operand_type(e, 0))
             ? optional(e.type) && m_.types.strip_optional(e.type) == m_.types.strip_optional(field->type)
             : e.type == field->type;
}

bool OperandTypes::index(const Expr& e) const {
  const TypeId object = m_.types.strip_optional(operand_type(e, 0));
  const TypeKind at = operand_kind(e, 1);
  const TypeId element = m_.types.strip_optional(e.type);
  switch (kind(object)) {
    case TypeKind::List:
      return at == TypeKind::Int && m_.types.strip_optional(m_.types.get(object).element) == element;
    case TypeKind::Map:
      return is_text(at) && m_.types.strip_optional(m_.types.get(object).element) == element;
    case TypeKind::Json:
      return (at == TypeKind::Int || is_text(at)) && element == types::TypeTable::kJson;
    default:
      return false;
  }
}

bool OperandTypes::list(const Expr& e) const {
  if (!sequence(kind(e.type))) {
    return false;
  }
  for (uint32_t i = 0; i < e.operand_count; i++) {
    if (operand_type(e, i) != m_.types.get(e.type).element) {
      return false;
    }
  }
  return true;
}

bool OperandTypes::map(const Expr& e) const {
  if (e.operand_count % 2 != 0 || (kind(e.type) != TypeKind::Map && kind(e.type) != TypeKind::Record)) {
    return false;
  }
  for (uint32_t i = 0; i < e.operand_count; i += 2) {
    const Expr& key = m_.expr(m_.operand(e, i));
    if (key.op != Op::Const || !const_string(key.payload)) {
      return false;
    }
    if (kind(e.type) == TypeKind::Map) {
      if (operand_type(e, i + 1) != m_.types.get(e.type).element) {
        return false;
      }
      continue;
    }
    const types::Field* field = m_.types.field(e.type, m_.consts[key.payload].text());
    if (field == nullptr || field->type != operand_type(e, i + 1)) {
      return false;
    }
  }
  return true;
}

}  // namespace catalyst::ir
