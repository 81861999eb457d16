#include "server/auth/strict_json.h"

#include <set>
#include <string>
#include <vector>

namespace catalyst::server {

std::optional<Json> parse_strict(std::string_view text, int depth) {
  std::vector<std::set<std::string>> open;
  bool good = true;
  const auto watch = [&](int level, Json::parse_event_t event, Json& parsed) {
    switch (event) {
      case Json::parse_event_t::object_start:
        good = good && level < depth;
        open.emplace_back();
        break;
      case Json::parse_event_t::array_start:
        good = good && level < depth;
        break;
      case Json::parse_event_t::object_end:
        open.pop_back();
        break;
      case Json::parse_event_t::key:
        good = good && open.back().insert(parsed.get<std::string>()).second;
        break;
      case Json::parse_event_t::array_end:
      case Json::parse_event_t::value:
        break;
    }
    return true;
  };
  Json out = Json::parse(text.begin(), text.end(), watch, false);
  if (out.is_discarded() || !good) {
    return std::nullopt;
  }
  return out;
}

}  // namespace catalyst::server
