#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace catalyst::abi {

/// Where a rule attaches.
enum class Hook : uint8_t {
#define HOOK(name, text) name,
#include "runtime/abi/hook.def"
#undef HOOK
};

inline constexpr std::string_view kHookNames[] = {
#define HOOK(name, text) text,
#include "runtime/abi/hook.def"
#undef HOOK
};
inline constexpr size_t kHookCount = std::size(kHookNames);

constexpr std::string_view hook_name(Hook hook) { return kHookNames[static_cast<size_t>(hook)]; }

}  // namespace catalyst::abi
