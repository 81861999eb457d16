#pragma once

#include <cstdint>
#include <string_view>

namespace catalyst::abi {

/// Where an input comes from. JSON roots (PrincipalClaims, CallArgs, Result, ToolDefinition) continue with a
/// path of members.
enum class InputRoot : uint8_t {
#define INPUT_ROOT(name, text, trusted) name,
#include "runtime/abi/input_root.def"
#undef INPUT_ROOT
};

std::string_view input_root_text(InputRoot root);
bool input_root_trusted(InputRoot root);

}  // namespace catalyst::abi
