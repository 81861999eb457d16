#include "server/gateway/openapi_document.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace catalyst::server {
namespace {

using Json = nlohmann::json;

constexpr size_t kNameMax = 128;    // of a tool (MCP 2025-11-25)
constexpr int kReferencesMax = 32;  // followed one after the other
constexpr size_t kDefinitionsMax = 500;
constexpr const char* kMethods[] = {"get", "put", "post", "delete", "patch", "head", "options"};
/// Headers that describe the connection or prove who we are, and are not for arguments.
constexpr const char* kOwnHeaders[] = {"accept",
                                       "content-type",
                                       "authorization",
                                       "host",
                                       "connection",
                                       "content-length",
                                       "cookie",
                                       "transfer-encoding",
                                       "upgrade",
                                       "proxy-authorization",
                                       "te",
                                       "trailer"};

const Json* member(const Json& object, const std::string& name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? &*found : nullptr;
}

std::string text_of(const Json& object, const std::string& name) {
  const Json* found = member(object, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_of(const Json& object, const std::string& name, bool otherwise) {
  const Json* found = member(object, name);
  return found != nullptr && found->is_boolean() ? found->get<bool>() : otherwise;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string tool_name(const std::string& wanted) {
  std::string out;
  for (const char c : wanted) {
    const bool good = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
    if (good || (!out.empty() && out.back() != '_')) {
      out += good ? c : '_';
    }
  }
  while (!out.empty() && out.back() == '_') {
    out.pop_back();
  }
  return out.substr(0, kNameMax);
}

class Reader {
 public:
  Reader(const Json& document, size_t operations_max)
      : document_(document), operations_max_(operations_max) {}

  Result<OpenApiDocument> read() {
    const std::string version = text_of(document_, "openapi");
    const Json* paths = member(document_, "paths");
    if (version.rfind("3.", 0) != 0 || paths == nullptr || !paths->is_object()) {
      return error("not an OpenAPI 3 document: expected `openapi: 3.x` and `paths`");
    }
    if (const Json* info = member(document_, "info")) {
      out_.title = text_of(*info, "title");
      out_.version = text_of(*info, "version");
    }
    const Json* servers = member(document_, "servers");
    if (servers != nullptr && servers->is_array() && !servers->empty()) {
      out_.url = text_of(servers->front(), "url");
    }
    for (const auto& [path, raw] : paths->items()) {
      const Json& item = resolve(raw);
      for (const char* method : kMethods) {
        const Json* operation = member(item, method);
        if (operation == nullptr || !operation->is_object()) {
          continue;
        }
        if (out_.operations.size() >= operations_max_) {
          return error("more than " + std::to_string(operations_max_) + " operations (`openapi_operations`)");
        }
        add(path, method, item, *operation);
      }
    }
    return std::move(out_);
  }

 private:
  /// What a local reference leads to, or null.
  const Json& resolve(const Json& value) {
    static const Json kNothing;
    const Json* at = &value;
    for (int i = 0; i < kReferencesMax; ++i) {
      const std::string ref = text_of(*at, "$ref");
      if (ref.empty()) {
        return *at;
      }
      if (ref.rfind("#/", 0) != 0) {
        return kNothing;
      }
      try {
        const Json::json_pointer pointer(ref.substr(1));
        if (!document_.contains(pointer)) {
          return kNothing;
        }
        at = &document_.at(pointer);
      } catch (const Json::exception&) {
        return kNothing;
      }
    }
    return kNothing;
  }

  void add(const std::string& path, const std::string& method, const Json& item, const Json& source) {
    OpenApiOperation operation;
    operation.method = method;
    std::transform(operation.method.begin(), operation.method.end(), operation.method.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    operation.path = path;
    const std::string id = text_of(source, "operationId");
    operation.tool = unused_name(tool_name(id.empty() ? method + "_" + path : id));
    const std::string label = operation.method + " " + path;
    if (path.empty() || path.front() != '/' || path.find_first_of("?#\\ \r\n\t") != std::string::npos) {
      return leave_out(label, "its path cannot be an address");
    }
    definitions_ = Json::object();
    Json properties = Json::object();
    Json required = Json::array();
    if (!read_parameters(item, source, operation, properties, required, label) ||
        !read_body(source, operation, properties, required, label)) {
      return;
    }
    Json schema = {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
    if (!required.empty()) {
      schema["required"] = required;
    }
    if (!definitions_.empty()) {
      schema["$defs"] = definitions_;
    }
    std::string description = text_of(source, "summary");
    const std::string more = text_of(source, "description");
    description += (description.empty() || more.empty() ? "" : "\n\n") + more;
    const bool reads = method == "get" || method == "head" || method == "options";
    const Json tool = {{"name", operation.tool},
                       {"description", description.empty() ? label : description},
                       {"inputSchema", schema},
                       {"annotations",
                        {{"readOnlyHint", reads},
                         {"idempotentHint", reads || method == "put" || method == "delete"},
                         {"destructiveHint", method == "delete" || method == "put"}}}};
    operation.definition = tool.dump(-1, ' ', false, Json::error_handler_t::replace);
    out_.operations.push_back(std::move(operation));
  }

  std::string unused_name(std::string name) {
    const std::string base = name.empty() ? "operation" : name;
    name = base;
    for (int i = 2; !names_.insert(name).second; ++i) {
      name = base.substr(0, kNameMax - 6) + "_" + std::to_string(i);
    }
    return name;
  }

  void leave_out(const std::string& label, const std::string& why) {
    out_.left_out.push_back(label + ": " + why);
  }

  bool read_parameters(const Json& item, const Json& source, OpenApiOperation& operation, Json& properties,
                       Json& required, const std::string& label) {
    // Those of the operation replace those of its path with the same name and place.
    std::vector<const Json*> all;
    for (const Json* holder : {&source, &item}) {
      const Json* list = member(*holder, "parameters");
      if (list == nullptr || !list->is_array()) {
        continue;
      }
      for (const Json& raw : *list) {
        const Json& parameter = resolve(raw);
        const bool known = std::any_of(all.begin(), all.end(), [&](const Json* other) {
          return text_of(*other, "name") == text_of(parameter, "name") &&
                 text_of(*other, "in") == text_of(parameter, "in");
        });
        if (!known) {
          all.push_back(&parameter);
        }
      }
    }
    for (const Json* parameter : all) {
      if (!read_parameter(*parameter, operation, properties, required, label)) {
        return false;
      }
    }
    // Every template of the path must have its parameter: it would be sent as it stands.
    std::string rest = operation.path;
    for (const OpenApiParameter& parameter : operation.parameters) {
      const std::string part = "{" + parameter.name + "}";
      if (const size_t at = rest.find(part);
          parameter.place == OpenApiPlace::Path && at != std::string::npos) {
        rest.replace(at, part.size(), "");
      }
    }
    if (rest.find_first_of("{}") != std::string::npos) {
      leave_out(label, "a part of its path has no parameter");
      return false;
    }
    return true;
  }

  bool read_parameter(const Json& source, OpenApiOperation& operation, Json& properties, Json& required,
                      const std::string& label) {
    OpenApiParameter out;
    out.name = text_of(source, "name");
    const std::string in = text_of(source, "in");
    const bool good = !out.name.empty() && std::all_of(out.name.begin(), out.name.end(),
                                                       [](unsigned char c) { return c > 0x20 && c < 0x7f; });
    const bool header_name = out.name.find_first_of("()<>@,;:\\\"/[]?={}") == std::string::npos;
    if (!good || (in != "path" && in != "query" && in != "header" && in != "cookie") ||
        ((in == "header" || in == "cookie") && !header_name)) {
      leave_out(label, "a parameter cannot be read");
      return false;
    }
    const std::string lower_name = lower(out.name);
    if (in == "header" && std::any_of(std::begin(kOwnHeaders), std::end(kOwnHeaders),
                                      [&](const char* own) { return lower_name == own; })) {
      return true;  // OpenAPI has such parameters ignored
    }
    const std::string style = text_of(source, "style");
    out.place = in == "path"     ? OpenApiPlace::Path
                : in == "query"  ? OpenApiPlace::Query
                : in == "header" ? OpenApiPlace::Header
                                 : OpenApiPlace::Cookie;
    out.explode = flag_of(source, "explode", style.empty() || style == "form" || style == "deepObject");
    out.deep = style == "deepObject";
    if (out.place == OpenApiPlace::Path && !style.empty() && style != "simple") {
      leave_out(label, "a path parameter of style " + style);
      return false;
    }
    out.argument = properties.contains(out.name) ? in + "_" + out.name : out.name;
    const Json* schema = member(source, "schema");
    Json property = schema == nullptr ? Json::object() : adapt(*schema, 0);
    if (const std::string words = text_of(source, "description"); property.is_object() && !words.empty()) {
      property["description"] = words;
    }
    properties[out.argument] = std::move(property);
    if (out.place == OpenApiPlace::Path || flag_of(source, "required", false)) {
      required.push_back(out.argument);
    }
    operation.parameters.push_back(std::move(out));
    return true;
  }

  bool read_body(const Json& source, OpenApiOperation& operation, Json& properties, Json& required,
                 const std::string& label) {
    const Json* raw = member(source, "requestBody");
    if (raw == nullptr) {
      return true;
    }
    const Json& body = resolve(*raw);
    const Json* content = member(body, "content");
    const Json* json = content == nullptr ? nullptr : member(*content, "application/json");
    if (json == nullptr) {
      if (!flag_of(body, "required", false)) {
        return true;
      }
      leave_out(label, "its body is not application/json");
      return false;
    }
    if (properties.contains("body")) {
      leave_out(label, "a parameter is called body, as the body is");
      return false;
    }
    const Json* schema = member(*json, "schema");
    properties["body"] = schema == nullptr ? Json::object() : adapt(*schema, 0);
    if (flag_of(body, "required", false)) {
      required.push_back("body");
    }
    operation.has_body = true;
    return true;
  }

  /// A schema as one of JSON Schema 2020-12, with what it refers to below $defs.
  Json adapt(const Json& schema, int depth) {
    if (depth > 48) {
      return true;
    }
    if (schema.is_array()) {
      Json out = Json::array();
      for (const Json& item : schema) {
        out.push_back(adapt(item, depth + 1));
      }
      return out;
    }
    if (!schema.is_object()) {
      return schema;
    }
    if (const std::string ref = text_of(schema, "$ref"); !ref.empty()) {
      return refer(ref, depth);
    }
    Json out = Json::object();
    for (const auto& [key, value] : schema.items()) {
      const bool data =
          key == "enum" || key == "const" || key == "default" || key == "example" || key == "examples";
      if (key != "example" && key != "xml" && key != "externalDocs" && key != "discriminator" &&
          key != "nullable") {
        out[key] = data ? value : adapt(value, depth + 1);
      }
    }
    if (flag_of(schema, "nullable", false) && out.contains("type") && out["type"].is_string()) {  // 3.0
      out["type"] = {out["type"], "null"};
    }
    return out;
  }

  Json refer(const std::string& ref, int depth) {
    static constexpr std::string_view kPrefix = "#/components/schemas/";
    if (ref.rfind(kPrefix, 0) != 0) {
      return true;  // nothing else is followed, and nothing is known of it
    }
    const std::string name = tool_name(ref.substr(kPrefix.size()));
    if (!definitions_.contains(name) && definitions_.size() < kDefinitionsMax) {
      definitions_[name] = true;  // ends recursion
      const Json target = Json::object({{"$ref", ref}});
      Json adapted = adapt(resolve(target), depth + 1);
      definitions_[name] = std::move(adapted);
    }
    return Json::object({{"$ref", "#/$defs/" + name}});
  }

  const Json& document_;
  const size_t operations_max_;
  OpenApiDocument out_;
  std::set<std::string> names_;
  Json definitions_;
};

}  // namespace

Result<OpenApiDocument> read_openapi(const Json& document, size_t operations_max) {
  return Reader(document, operations_max).read();
}

}  // namespace catalyst::server
