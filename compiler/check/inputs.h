#pragma once

#include <optional>
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
  Bool,
  OptionalBool,
  Ip,  // optional
  Time,
  Json,
  OptionalJson,
  StringSet,
  JsonList,
  Arguments,   // of the tools at hand
  Structured,  // structured result of the tools at hand
};

/// One readable input: `call.args` or `tool.annotations.read_only`.
struct InputMember {
  std::string_view root;    // "tool"
  std::string_view member;  // "annotations.read_only"; "" for a root that is a value itself (`now`)
  abi::InputRoot slot;
  std::string_view path;  // below the slot's root, '/' between JSON members
  InputType type;
};

/// nullptr when there is no such member.
const InputMember* find_input(std::string_view root, std::string_view member);
/// True when "root.member" is only the front of longer names (`tool.annotations`).
bool is_input_group(std::string_view root, std::string_view member);
/// Members of a root (or group), for suggestions.
std::vector<std::string_view> input_members(std::string_view root, std::string_view group = {});

bool is_input_root(std::string_view name);
bool input_available(std::string_view root, abi::Hook hook);
std::vector<std::string_view> input_roots(abi::Hook hook);
/// The hooks that have `root`, as a message says it: "`call` and `result`".
std::string_view input_hooks_text(std::string_view root);
/// A hook that has `root`.
abi::Hook input_hook(std::string_view root);

}  // namespace catalyst::check
