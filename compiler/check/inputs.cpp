#include "compiler/check/inputs.h"

#include <algorithm>
#include <initializer_list>

namespace catalyst::check {
namespace {

constexpr HookSet hook_set(std::initializer_list<abi::Hook> hooks) {
  HookSet out = hooks.size() == 0 ? kEveryHook : 0;
  for (const abi::Hook hook : hooks) {
    out |= HookSet{1} << static_cast<unsigned>(hook);
  }
  return out;
}

struct Root {
  std::string_view name;
  HookSet hooks;
};

/// The tables name hooks without their type.
struct Tables {
  using enum abi::Hook;
  static constexpr Root kRoots[] = {
#define INPUT_NAME(root, ...) {#root, hook_set({__VA_ARGS__})},
#include "compiler/check/input.def"
  };
  static constexpr InputMember kMembers[] = {
#define INPUT(root, member, slot, path, type, ...) \
  {#root, member, abi::InputRoot::slot, path, InputType::type, hook_set({__VA_ARGS__})},
#include "compiler/check/input.def"
  };
};

const Root* find_root(std::string_view name) {
  const auto* found = std::find_if(std::begin(Tables::kRoots), std::end(Tables::kRoots),
                                   [&](const Root& root) { return root.name == name; });
  return found == std::end(Tables::kRoots) ? nullptr : found;
}

bool starts_group(std::string_view name, std::string_view group) {
  return name.size() > group.size() && name.starts_with(group) && name[group.size()] == '.';
}

}  // namespace

const InputMember* find_input(std::string_view root, std::string_view member) {
  for (const InputMember& each : Tables::kMembers) {
    if (each.root == root && each.member == member) {
      return &each;
    }
  }
  return nullptr;
}

bool is_input_group(std::string_view root, std::string_view member) {
  for (const InputMember& each : Tables::kMembers) {
    if (each.root == root && starts_group(each.member, member)) {
      return true;
    }
  }
  return false;
}

std::vector<std::string_view> input_members(std::string_view root, std::string_view group) {
  std::vector<std::string_view> out;
  for (const InputMember& each : Tables::kMembers) {
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
  return found != nullptr && contains(found->hooks, hook);
}

bool input_everywhere(std::string_view root) {
  const Root* found = find_root(root);
  return found != nullptr && found->hooks == kEveryHook;
}

std::vector<std::string_view> input_roots(abi::Hook hook) {
  std::vector<std::string_view> out;
  for (const Root& root : Tables::kRoots) {
    if (contains(root.hooks, hook)) {
      out.push_back(root.name);
    }
  }
  return out;
}

std::vector<std::string_view> all_input_roots() {
  std::vector<std::string_view> out;
  for (const Root& root : Tables::kRoots) {
    out.push_back(root.name);
  }
  return out;
}

std::string_view own_input(abi::Hook hook) {
  for (const Root& root : Tables::kRoots) {
    if (root.hooks != kEveryHook && contains(root.hooks, hook)) {
      return root.name;
    }
  }
  return {};
}

}  // namespace catalyst::check
