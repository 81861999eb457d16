#include "runtime/decision/path_tree.h"

#include <algorithm>
#include <bit>

namespace catalyst::decision {

namespace {

using abi::InputRoot;

PathTree::Node::Plain plain_form(const abi::Unit& unit, uint32_t shape_index) {
  using Plain = PathTree::Node::Plain;
  const abi::Shape& shape = unit.shapes[shape_index];
  switch (shape.kind) {
    case abi::Shape::Kind::String:
      return Plain::Text;
    case abi::Shape::Kind::Int:
      return Plain::Integer;
    case abi::Shape::Kind::Bool:
      return Plain::Truth;
    case abi::Shape::Kind::List:
      return unit.shapes[shape.element].kind == abi::Shape::Kind::String ? Plain::Texts : Plain::No;
    case abi::Shape::Kind::Decimal:
    case abi::Shape::Kind::Float:
    case abi::Shape::Kind::Bytes:
    case abi::Shape::Kind::Time:
    case abi::Shape::Kind::Duration:
    case abi::Shape::Kind::Ip:
    case abi::Shape::Kind::Json:
    case abi::Shape::Kind::Enum:
    case abi::Shape::Kind::Record:
    case abi::Shape::Kind::Set:
    case abi::Shape::Kind::Map:
      return Plain::No;
  }
  return Plain::No;
}

}  // namespace

uint8_t json_root_of(InputRoot root) {
  switch (root) {
    case InputRoot::PrincipalClaims:
      return static_cast<uint8_t>(JsonRoot::Claims);
    case InputRoot::CallArgs:
      return static_cast<uint8_t>(JsonRoot::Args);
    case InputRoot::Params:
      return static_cast<uint8_t>(JsonRoot::Params);
    case InputRoot::Result:
      return static_cast<uint8_t>(JsonRoot::Result);
    case InputRoot::ToolDefinition:
      return static_cast<uint8_t>(JsonRoot::Definition);
    case InputRoot::PrincipalId:
    case InputRoot::PrincipalTenant:
    case InputRoot::PrincipalRoles:
    case InputRoot::PrincipalRisk:
    case InputRoot::PrincipalMfa:
    case InputRoot::Labels:
    case InputRoot::SessionId:
    case InputRoot::SessionProtocol:
    case InputRoot::ClientName:
    case InputRoot::ClientVersion:
    case InputRoot::ClientIp:
    case InputRoot::CallServer:
    case InputRoot::CallTool:
    case InputRoot::Now:
    case InputRoot::Window:
    case InputRoot::Argument:  // hooks read none
      return kNoJsonRoot;
  }
  return kNoJsonRoot;
}

PathTree::PathTree(const abi::Unit& unit) : nodes_(kJsonRootCount) {
  std::vector<std::vector<Child>> children(kJsonRootCount);
  for (uint32_t slot = 0; slot < unit.slots.size(); ++slot) {
    const uint8_t root = json_root_of(unit.slots[slot].root);
    if (root == kNoJsonRoot) {
      continue;
    }
    uint32_t at = root;
    for (const std::string& name : unit.slots[slot].path) {
      nodes_[at].below.push_back(slot);
      auto found = std::find_if(children[at].begin(), children[at].end(),
                                [&](const Child& child) { return child.name == name; });
      uint32_t next = found == children[at].end() ? UINT32_MAX : found->node;
      if (next == UINT32_MAX) {
        next = static_cast<uint32_t>(nodes_.size());
        children[at].push_back(Child{head_of(name), name, next});
        nodes_.emplace_back();
        children.emplace_back();
      }
      at = next;
    }
    nodes_[at].slots.push_back(slot);
  }
  build_tables(children);
  for (Node& node : nodes_) {
    if (node.children.empty() && node.slots.size() == 1) {
      node.plain_slot = node.slots[0];
      node.plain = plain_form(unit, unit.slots[node.plain_slot].shape);
    }
  }
}

void PathTree::build_tables(const std::vector<std::vector<Child>>& children) {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (children[i].empty()) {
      continue;
    }
    const size_t capacity = std::bit_ceil(children[i].size() * 2);
    Node& node = nodes_[i];
    node.children.resize(capacity);
    node.shift = 64 - static_cast<uint32_t>(std::countr_zero(capacity));
    for (const Child& child : children[i]) {
      uint64_t at = place_of(child.head, child.name.size(), node.shift);
      while (node.children[at].node != UINT32_MAX) {
        at = (at + 1) & (capacity - 1);
      }
      node.children[at] = child;
    }
  }
}

}  // namespace catalyst::decision
