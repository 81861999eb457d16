#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace catalyst::server {

using Json = nlohmann::json;

/// Reads JSON that somebody else signed or sent: no member may appear twice (readers would disagree about
/// which counts), nesting ends at `depth`. nullopt when it is anything else. Does not throw, does not
/// recurse.
std::optional<Json> parse_strict(std::string_view text, int depth = 16);

}  // namespace catalyst::server
