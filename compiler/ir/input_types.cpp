#include "compiler/ir/input_types.h"

namespace catalyst::ir {

using abi::InputRoot;
using types::TypeKind;
using types::TypeTable;

bool is_readable(const TypeTable& table, const Slot& slot) {
  const TypeId type = table.strip_optional(slot.type);
  const auto is = [&](TypeId wanted) { return type == wanted && slot.path.empty(); };
  switch (slot.root) {
    case InputRoot::PrincipalId:
    case InputRoot::PrincipalTenant:
    case InputRoot::SessionId:
    case InputRoot::SessionProtocol:
    case InputRoot::ClientName:
    case InputRoot::ClientVersion:
    case InputRoot::CallServer:
    case InputRoot::CallTool:
      return is(TypeTable::kString);
    case InputRoot::PrincipalRoles:
    case InputRoot::Labels:
      return table.kind(type) == TypeKind::Set && table.get(type).element == TypeTable::kString &&
             slot.path.empty();
    case InputRoot::PrincipalRisk:
      return is(TypeTable::kInt);
    case InputRoot::PrincipalMfa:
      return is(TypeTable::kBool);
    case InputRoot::ClientIp:
      return is(TypeTable::kIp);
    case InputRoot::Now:
      return is(TypeTable::kTime);
    case InputRoot::PrincipalClaims:
    case InputRoot::CallArgs:
    case InputRoot::Params:
    case InputRoot::Result:
    case InputRoot::ToolDefinition:
      return true;
    case InputRoot::Window:
      return (slot.type == TypeTable::kInt || slot.type == TypeTable::kDecimal) && !slot.path.empty();
    case InputRoot::Argument:
      return slot.path.size() == 1;
  }
  return false;
}

}  // namespace catalyst::ir
