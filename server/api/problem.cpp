#include "server/api/problem.h"

namespace catalyst::server {

std::string problem_json(int status, std::string_view type, std::string_view title, std::string_view detail,
                         const nlohmann::ordered_json& more) {
  nlohmann::ordered_json out = {{"type", "urn:catalyst:problem:" + std::string(type)},
                                {"title", title},
                                {"status", status},
                                {"detail", detail}};
  for (const auto& [key, value] : more.items()) {
    out[key] = value;
  }
  return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace catalyst::server
