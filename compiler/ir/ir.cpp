#include "compiler/ir/ir.h"

namespace catalyst::ir {

std::string_view op_text(Op op) {
  switch (op) {
#define OP(name, text, arity) \
  case Op::name:              \
    return text;
#include "compiler/ir/op.def"
#undef OP
  }
  return {};
}

int op_arity(Op op) {
  switch (op) {
#define OP(name, text, arity) \
  case Op::name:              \
    return arity;
#include "compiler/ir/op.def"
#undef OP
  }
  return kVariadic;
}

bool is_traced(Op op) {
  switch (op) {
    case Op::Slot:
    case Op::Fact:
    case Op::CallFn:
    case Op::FirstTrue:
    case Op::Lookup:
    case Op::LookupAll:
    case Op::IsPresent:
    case Op::Eq:
    case Op::Ne:
    case Op::Lt:
    case Op::Le:
    case Op::Gt:
    case Op::Ge:
    case Op::StartsWith:
    case Op::EndsWith:
    case Op::StringContains:
    case Op::Glob:
    case Op::Regex:
    case Op::Has:
    case Op::IpInside:
    case Op::SubsetOf:
    case Op::Intersects:
    case Op::Any:
    case Op::All:
      return true;
    case Op::Const:
    case Op::Local:
    case Op::Not:
    case Op::And:
    case Op::Or:
    case Op::If:
    case Op::Switch:
    case Op::Coalesce:
    case Op::Some:
    case Op::Unwrap:
    case Op::Neg:
    case Op::Add:
    case Op::Sub:
    case Op::Mul:
    case Op::Div:
    case Op::Rem:
    case Op::IntToDecimal:
    case Op::IntToFloat:
    case Op::DecimalToFloat:
    case Op::Interpolate:
    case Op::Union:
    case Op::Intersect:
    case Op::Except:
    case Op::Field:
    case Op::Index:
    case Op::Cast:
    case Op::MakeList:
    case Op::MakeMap:
    case Op::Comprehend:
    case Op::Builtin:
      return false;
  }
  return false;
}

bool is_composite(const types::TypeTable& table, TypeId type) {
  switch (table.kind(table.strip_optional(type))) {
    case types::TypeKind::Json:
    case types::TypeKind::Record:
    case types::TypeKind::List:
    case types::TypeKind::Set:
    case types::TypeKind::Map:
      return true;
    case types::TypeKind::Error:
    case types::TypeKind::Bool:
    case types::TypeKind::Int:
    case types::TypeKind::Decimal:
    case types::TypeKind::Float:
    case types::TypeKind::String:
    case types::TypeKind::Bytes:
    case types::TypeKind::Time:
    case types::TypeKind::Duration:
    case types::TypeKind::Ip:
    case types::TypeKind::Enum:
    case types::TypeKind::Optional:
      return false;
  }
  return false;
}

}  // namespace catalyst::ir
