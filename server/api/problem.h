#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace catalyst::server {

/// A problem document (RFC 9457), media type kProblemType. `type` is a slug of docs/packs.md,
/// docs/operations.md; `more` holds extension members.
inline constexpr std::string_view kProblemType = "application/problem+json";
std::string problem_json(int status, std::string_view type, std::string_view title, std::string_view detail,
                         const nlohmann::ordered_json& more = nlohmann::ordered_json::object());

}  // namespace catalyst::server
