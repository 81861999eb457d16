#include "runtime/mcp/param_headers.h"

#include <algorithm>
#include <cstdlib>

#include "runtime/mcp/envelope.h"
#include "runtime/mcp/exchange.h"
#include "runtime/mcp/json_reader.h"
#include "runtime/mcp/protocol.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

constexpr std::string_view kAnnotation = "x-mcp-header";
constexpr std::string_view kPrefix = "Mcp-Param-";
constexpr int kSchemaDepth = 16;
constexpr size_t kHeadersMax = 64;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool is_token(std::string_view text) {
  const auto token_char = [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), token_char);
}

/// How often the annotation stands in the text as a key or string of its own (quotes inside strings are
/// escaped).
size_t count_annotations(std::string_view json) {
  const std::string quoted = "\"" + std::string(kAnnotation) + "\"";
  size_t count = 0;
  for (size_t at = json.find(quoted); at != std::string_view::npos; at = json.find(quoted, at + 1)) {
    count += at == 0 || json[at - 1] != '\\' ? 1 : 0;
  }
  return count;
}

std::optional<ParamHeader::Type> type_of(std::string_view schema_json) {
  const std::string type = string_of(find_member(schema_json, "type"));
  if (type == "string") {
    return ParamHeader::Type::String;
  }
  if (type == "integer") {
    return ParamHeader::Type::Integer;
  }
  return type == "boolean" ? std::optional(ParamHeader::Type::Boolean) : std::nullopt;
}

/// Collects the annotations below one schema; false when one is invalid.
bool collect(std::string_view schema_json, std::vector<std::string>& path, std::vector<ParamHeader>& out) {
  JsonReader reader;
  std::string_view key;
  const std::string_view properties = find_member(schema_json, "properties");
  if (properties.empty() || path.size() >= kSchemaDepth || !reader.open(properties, JsonReader::kDepthMax) ||
      !reader.enter_object()) {
    return true;
  }
  while (reader.next_member(key)) {
    const std::string_view schema = reader.value();
    path.push_back(value::unescape_json(key).value_or(std::string()));
    if (schema.starts_with('{') && schema.find(kAnnotation) != std::string_view::npos) {
      if (const std::string_view annotation = find_member(schema, kAnnotation); !annotation.empty()) {
        const std::string name = string_of(annotation);
        const std::optional<ParamHeader::Type> type = type_of(schema);
        if (!is_token(name) || !type || out.size() >= kHeadersMax) {
          return false;
        }
        out.push_back({std::string(kPrefix) + name, path, *type});
      }
      if (!collect(schema, path, out)) {
        return false;
      }
    }
    path.pop_back();
  }
  return true;
}

std::string_view argument_at(std::string_view arguments_json, const std::vector<std::string>& path) {
  std::string_view at = arguments_json;
  for (const std::string& key : path) {
    at = find_member(at, key);
    if (at.empty()) {
      return {};
    }
  }
  return at;
}

bool has_param_prefix(std::string_view name) {
  return name.size() > kPrefix.size() && same_name(name.substr(0, kPrefix.size()), kPrefix);
}

}  // namespace

std::optional<std::vector<ParamHeader>> read_param_headers(std::string_view definition_json) {
  std::vector<ParamHeader> out;
  const size_t annotations = count_annotations(definition_json);
  if (annotations == 0) {
    return out;
  }
  std::vector<std::string> path;
  if (!collect(find_member(definition_json, "inputSchema"), path, out) || out.size() != annotations) {
    return std::nullopt;
  }
  for (size_t i = 0; i < out.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      if (same_name(out[i].name, out[k].name)) {
        return std::nullopt;
      }
    }
  }
  return out;
}

std::optional<std::string> param_header_value(const ParamHeader& header, std::string_view arguments_json) {
  const std::string_view json = argument_at(arguments_json, header.path);
  switch (header.type) {
    case ParamHeader::Type::String:
      return json.starts_with('"') ? std::optional(encode_header_value(string_of(json))) : std::nullopt;
    case ParamHeader::Type::Integer: {
      const bool number =
          !json.empty() && (json.front() == '-' || (json.front() >= '0' && json.front() <= '9'));
      return number ? std::optional(std::string(json)) : std::nullopt;
    }
    case ParamHeader::Type::Boolean:
      return json == "true" || json == "false" ? std::optional(std::string(json)) : std::nullopt;
  }
  return std::nullopt;
}

bool param_header_agrees(const ParamHeader& header, std::optional<std::string_view> sent,
                         std::string_view arguments_json) {
  const std::optional<std::string> expected = param_header_value(header, arguments_json);
  if (!sent || !expected) {
    return !sent && !expected;
  }
  const std::optional<std::string> said = decode_header_value(*sent);
  const std::optional<std::string> meant = decode_header_value(*expected);
  if (!said || !meant) {
    return false;
  }
  if (header.type != ParamHeader::Type::Integer || *said == *meant) {
    return *said == *meant;
  }
  char* end = nullptr;
  const double number = std::strtod(said->c_str(), &end);
  return !said->empty() && *end == '\0' && number == std::strtod(meant->c_str(), nullptr);
}

std::string param_header_lines(const std::vector<ParamHeader>& headers, std::string_view arguments_json,
                               const HttpExchange& exchange) {
  std::string out;
  for (const ParamHeader& header : headers) {
    if (const std::optional<std::string> value = param_header_value(header, arguments_json)) {
      out.append(header.name).append(": ").append(*value).append("\r\n");
    }
  }
  exchange.for_each_header([&](std::string_view name, std::string_view value) {
    const auto is_this = [&](const ParamHeader& header) { return same_name(header.name, name); };
    if (has_param_prefix(name) && std::none_of(headers.begin(), headers.end(), is_this)) {
      out.append(name).append(": ").append(value).append("\r\n");
    }
  });
  return out;
}

}  // namespace catalyst::mcp
