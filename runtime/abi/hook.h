#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace catalyst::abi {

/// Where a rule attaches.
enum class Hook : uint8_t {
#define HOOK(name, text, target, set_root) name,
#include "runtime/abi/hook.def"
#undef HOOK
};

/// What the targets of a hook name. A pattern always has two halves, the server and the thing; the half that
/// a hook does not name is `*`.
enum class HookTarget : uint8_t {
  Tool,    // db.drop_*
  Prompt,  // docs.summary; completion also names templates: docs."file:///{path}"
  Uri,     // "file:///etc/*" from files
  Server,  // github: the server that asks something of the client
  Agent,   // reviewer: stands in the server's half
  Event,   // "order.*": stands in the thing's half
  None,
};

/// Which of the two texts of an exchange `redact` covers.
enum class RedactPlace : uint8_t {
  Params,  // what is asked
  Result,  // what comes back
};

struct HookInfo {
  std::string_view name;
  HookTarget target;
  std::string_view set_root;  // "call.args"; empty: `set` has no place there
};

inline constexpr HookInfo kHooks[] = {
#define HOOK(name, text, target, set_root) {text, HookTarget::target, set_root},
#include "runtime/abi/hook.def"
#undef HOOK
};
inline constexpr size_t kHookCount = std::size(kHooks);

constexpr const HookInfo& hook_info(Hook hook) { return kHooks[static_cast<size_t>(hook)]; }
constexpr std::string_view hook_name(Hook hook) { return hook_info(hook).name; }
/// The hook whose rules say whether what a list hook is about can be asked for at all.
constexpr std::optional<Hook> asked_by(Hook list) {
  switch (list) {
    case Hook::ListTools:
      return Hook::Call;
    case Hook::ListResources:
      return Hook::Read;
    case Hook::ListPrompts:
      return Hook::Prompt;
    case Hook::Call:
    case Hook::Result:
    case Hook::Read:
    case Hook::Prompt:
    case Hook::Complete:
    case Hook::Sample:
    case Hook::Elicit:
    case Hook::Roots:
    case Hook::Session:
    case Hook::Message:
    case Hook::Reply:
    case Hook::Event:
      return std::nullopt;
  }
  return std::nullopt;
}
constexpr std::optional<Hook> find_hook(std::string_view name) {
  for (size_t i = 0; i < kHookCount; ++i) {
    if (kHooks[i].name == name) {
      return static_cast<Hook>(i);
    }
  }
  return std::nullopt;
}

}  // namespace catalyst::abi
