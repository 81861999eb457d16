#include "server/config/keys.h"

#include <map>
#include <nlohmann/json.hpp>

#include "runtime/base/check.h"
#include "server/config/reader.h"

namespace catalyst::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kValueTypeTexts[] = {
#define VALUE_TYPE(name, text) text,
#include "server/config/value_type.def"
#undef VALUE_TYPE
};

constexpr KeyInfo kKeys[] = {
#define KEY(path, type, fallback, constraint, description) \
  {path, ValueType::type, fallback, constraint, description},
#include "server/config/key.def"
#undef KEY
};

Json text_or_number(const char* pattern) {
  return {{"anyOf", {{{"type", "integer"}, {"minimum", 0}}, {{"type", "string"}, {"pattern", pattern}}}}};
}

/// The schema of a value; `${...}` may stand wherever a text stands, so that editors accept it.
Json schema_of(const KeyInfo& key) {
  static constexpr std::string_view kInterpolated = "^\\$\\{";
  const Json interpolated = {{"type", "string"}, {"pattern", kInterpolated}};
  switch (key.type) {
    case ValueType::Text:
    case ValueType::Address:
      return {{"type", "string"}};
    case ValueType::Flag:
      return {{"anyOf", {{{"type", "boolean"}}, interpolated}}};
    case ValueType::Count: {
      Json number = {{"type", "integer"}};
      if (const size_t dots = key.constraint.find(".."); dots != std::string_view::npos) {
        number["minimum"] = std::stoll(std::string(key.constraint.substr(0, dots)));
        number["maximum"] = std::stoll(std::string(key.constraint.substr(dots + 2)));
      }
      return {{"anyOf", {number, interpolated}}};
    }
    case ValueType::Bytes:
      return text_or_number("^([0-9]+ ?(B|KiB|MiB|GiB|KB|MB|GB)?|\\$\\{.*)$");
    case ValueType::Duration:
      return {{"anyOf",
               {{{"const", 0}}, {{"type", "string"}, {"pattern", "^([0-9]+ ?(ms|s|m|h|d|w)|0|\\$\\{.*)$"}}}}};
    case ValueType::Choice: {
      Json choices = Json::array();
      std::string_view rest = key.constraint;
      while (!rest.empty()) {
        const size_t bar = rest.find('|');
        choices.push_back(rest.substr(0, bar));
        rest = bar == std::string_view::npos ? std::string_view{} : rest.substr(bar + 1);
      }
      return {{"anyOf", {{{"enum", choices}}, interpolated}}};
    }
    case ValueType::TextList:
      return {{"anyOf",
               {{{"type", "string"}},
                {{"type", "array"}, {"items", {{"type", {"string", "number", "boolean"}}}}}}}};
    case ValueType::TextMap:
      return {{"type", "object"}, {"additionalProperties", {{"type", {"string", "number", "boolean"}}}}};
    case ValueType::Any:
      return {{"type", "object"}};
  }
  return Json::object();
}

/// The object schema that holds the members of `path`, made on the way; `last` becomes the name of the final
/// segment.
Json& descend(Json& root, std::string_view path, std::string& last) {
  Json* at = &root;
  while (true) {
    const size_t dot = path.find('.');
    std::string segment(path.substr(0, dot));
    if (dot == std::string_view::npos) {
      last = segment;
      return *at;
    }
    path.remove_prefix(dot + 1);
    const bool list = segment.size() > 2 && segment.substr(segment.size() - 2) == "[]";
    if (list) {
      segment.resize(segment.size() - 2);
    }
    Json* child = nullptr;
    if (segment == "*") {
      at->erase("properties");
      child = &(*at)["additionalProperties"];
    } else {
      child = &(*at)["properties"][segment];
    }
    if (list) {
      (*child)["type"] = "array";
      child = &(*child)["items"];
    }
    if (!child->is_object() || !child->contains("type")) {
      *child = {{"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
    }
    at = child;
  }
}

}  // namespace

std::string_view value_type_text(ValueType type) { return kValueTypeTexts[static_cast<size_t>(type)]; }

std::span<const KeyInfo> key_table() { return kKeys; }

std::string_view fallback_of(std::string_view table_path) {
  for (const KeyInfo& key : key_table()) {
    if (key.path == table_path) {
      return key.fallback;
    }
  }
  CHECK(false, "a key that is read must stand in key.def");
}

std::string config_json_schema() {
  Json root = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
               {"title", "Catalyst configuration (catalyst.yaml)"},
               {"type", "object"},
               {"additionalProperties", false},
               {"properties", Json::object()}};
  for (const KeyInfo& key : kKeys) {
    std::string last;
    Json& parent = descend(root, key.path, last);
    Json schema = schema_of(key);
    schema["description"] = key.description;
    if (!key.fallback.empty()) {
      schema["default"] = key.fallback;
    }
    if (key.constraint == "required") {
      parent["required"].push_back(last);
    }
    parent["properties"][last] = std::move(schema);
  }
  root["properties"]["mcpServers"] = root["properties"]["servers"];
  return root.dump(2) + "\n";
}

std::string config_key_table_markdown() {
  std::string out = "| key | value | default | limits | meaning |\n|---|---|---|---|---|\n";
  const auto cell = [](std::string_view text) {
    std::string escaped;
    for (const char c : text) {
      escaped += c == '|' ? "\\|" : std::string(1, c);
    }
    return escaped;
  };
  for (const KeyInfo& key : kKeys) {
    out += "| `" + std::string(key.path) + "` | " + std::string(value_type_text(key.type)) + " | ";
    out += key.fallback.empty() ? "" : "`" + std::string(key.fallback) + "`";
    out += " | " + cell(key.constraint) + " | " + cell(key.description) + " |\n";
  }
  return out;
}

}  // namespace catalyst::server
