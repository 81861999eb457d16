#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/hook.h"
#include "runtime/abi/input.h"

namespace catalyst::check {

/// How the type of an input is known.
enum class InputType : uint8_t {
  String,
  OptionalString,
  Int,
  OptionalInt,
  OptionalDecimal,
  Bool,
  OptionalBool,
  Ip,  // optional
  Time,
  Json,
  OptionalJson,
  StringSet,
  OptionalStringMap,
  JsonList,
  OptionalJsonList,
  Arguments,   // of the tools at hand
  Structured,  // structured result of the tools at hand
};

/// A set of hooks, one bit each.
using HookSet = uint32_t;
constexpr HookSet kEveryHook = (HookSet{1} << abi::kHookCount) - 1;
constexpr bool contains(HookSet hooks, abi::Hook hook) {
  return (hooks >> static_cast<unsigned>(hook) & 1) != 0;
}

/// One readable input: `call.args` or `tool.annotations.read_only`.
struct InputMember {
  std::string_view root;    // "tool"
  std::string_view member;  // "annotations.read_only"; "" for a root that is a value itself (`now`)
  abi::InputRoot slot;
  std::string_view path;  // below the slot's root, '/' between JSON members
  InputType type;
  HookSet hooks;  // within those of the root
};

/// nullptr when there is no such member.
const InputMember* find_input(std::string_view root, std::string_view member);
/// True when "root.member" is only the front of longer names (`tool.annotations`).
bool is_input_group(std::string_view root, std::string_view member);
/// Members of a root (or group), for suggestions.
std::vector<std::string_view> input_members(std::string_view root, std::string_view group = {});

bool is_input_root(std::string_view name);
bool input_available(std::string_view root, abi::Hook hook);
/// True when every hook has `root`.
bool input_everywhere(std::string_view root);
std::vector<std::string_view> input_roots(abi::Hook hook);
std::vector<std::string_view> all_input_roots();
/// The root that only belongs to `hook` and its like: what a test of the hook writes ("resource"); "" when it
/// has none.
std::string_view own_input(abi::Hook hook);

}  // namespace catalyst::check
