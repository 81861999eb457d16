#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace catalyst::server {

/// The path of a request target: without query, percent-decoded, dot segments resolved, doubled slashes
/// collapsed. `scratch` holds the text when it had to change; the view points there or into `target`. nullopt
/// for what no honest client sends: no leading slash, broken escapes, an encoded slash, control bytes, or
/// ".." above the root.
std::optional<std::string_view> normalise_path(std::string_view target, std::string& scratch);

}  // namespace catalyst::server
