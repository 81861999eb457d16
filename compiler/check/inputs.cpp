#include "compiler/check/inputs.h"

#include "runtime/base/check.h"

namespace catalyst::check {
namespace {

struct Root {
  std::string_view name;
  bool hooks[abi::kHookCount];
  std::string_view hooks_text;
};

constexpr Root kRoots[] = {
#define INPUT_NAME(root, call, result, list, hooks) {#root, {call, result, list}, hooks},
#include "compiler/check/input.def"
};

constexpr InputMember kMembers[] = {
#define INPUT(root, member, slot, path, type) {#root, member, abi::InputRoot::slot, path, InputType::type},
#include "compiler/check/input.def"
};

const Root* find_root(std::string_view name) {
  for (const Root& root : kRoots) {
    if (root.name == name) {
      return &root;
    }
  }
  return nullptr;
}

bool starts_group(std::string_view name, std::string_view group) {
  return name.size() > group.size() && name.starts_with(group) && name[group.size()] == '.';
}

}  // namespace

const InputMember* find_input(std::string_view root, std::string_view member) {
  for (const InputMember& each : kMembers) {
    if (each.root == root && each.member == member) {
      return &each;
    }
  }
  return nullptr;
}

bool is_input_group(std::string_view root, std::string_view member) {
  for (const InputMember& each : kMembers) {
    if (each.root == root && starts_group(each.member, member)) {
      return true;
    }
  }
  return false;
}

std::vector<std::string_view> input_members(std::string_view root, std::string_view group) {
  std::vector<std::string_view> out;
  for (const InputMember& each : kMembers) {
    if (each.root != root || (!group.empty() && !starts_group(each.member, group))) {
      continue;
    }
    std::string_view rest = group.empty() ? each.member : each.member.substr(group.size() + 1);
    rest = rest.substr(0, rest.find('.'));
    if (!rest.empty() && (out.empty() || out.back() != rest)) {
      out.push_back(rest);
    }
  }
  return out;
}

bool is_input_root(std::string_view name) { return find_root(name) != nullptr; }

bool input_available(std::string_view root, abi::Hook hook) {
  const Root* found = find_root(root);
  return found != nullptr && found->hooks[static_cast<size_t>(hook)];
}

std::vector<std::string_view> input_roots(abi::Hook hook) {
  std::vector<std::string_view> out;
  for (const Root& root : kRoots) {
    if (root.hooks[static_cast<size_t>(hook)]) {
      out.push_back(root.name);
    }
  }
  return out;
}

std::string_view input_hooks_text(std::string_view root) {
  const Root* found = find_root(root);
  return found == nullptr ? std::string_view() : found->hooks_text;
}

abi::Hook input_hook(std::string_view root) {
  const Root* found = find_root(root);
  for (size_t i = 0; found != nullptr && i < abi::kHookCount; ++i) {
    if (found->hooks[i]) {
      return static_cast<abi::Hook>(i);
    }
  }
  CHECK(false, "every input is there on some hook");
}

}  // namespace catalyst::check
