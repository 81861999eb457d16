#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/mcp/catalogue.h"

namespace catalyst::mcp {

/// Compiles the input schemas of tools that have none yet; those of `before` serve on where the definition is
/// the same. A schema that cannot be compiled leaves its tool unchecked, and its reason in the answer: "NAME:
/// reason".
std::vector<std::string> attach_schemas(std::vector<Item>& tools, const Listing* before);

/// What is wrong with the arguments of a call (JSON object text, "" for none), in words for whoever wrote
/// them; nullopt when they fit, or are not checked.
std::optional<std::string> argument_fault(const Item& tool, std::string_view arguments_json);

}  // namespace catalyst::mcp
