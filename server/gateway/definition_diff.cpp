#include "server/gateway/definition_diff.h"

#include <algorithm>

namespace catalyst::server {
namespace {

using Json = nlohmann::json;
using Kind = DefinitionChange::Kind;

constexpr size_t kShownBytes = 500;

std::string shown(const Json& value) {
  if (value.is_null()) {
    return "";
  }
  std::string text = value.is_string() ? value.get<std::string>()
                                       : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kShownBytes) {
    size_t end = kShownBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
      --end;
    }
    text = text.substr(0, end) + "...";
  }
  return text;
}

Json member(const Json& object, const std::string& name) {
  return object.is_object() && object.contains(name) ? object[name] : Json();
}

/// A schema without its words.
Json wordless(Json schema) {
  if (schema.is_object()) {
    schema.erase("description");
    schema.erase("title");
    schema.erase("examples");
  }
  for (Json& inner : schema) {
    if (inner.is_structured()) {
      inner = wordless(std::move(inner));
    }
  }
  return schema;
}

class Differ {
 public:
  void compare(Kind kind, const std::string& subject, const Json& before, const Json& after) {
    if (before != after) {
      out.push_back({kind, subject, shown(before), shown(after)});
    }
  }

  void arguments(const Json& before, const Json& after) {
    const Json old_arguments = member(before, "properties");
    const Json new_arguments = member(after, "properties");
    for (const auto& [name, schema] : new_arguments.items()) {
      const Json old = member(old_arguments, name);
      if (old.is_null()) {
        out.push_back({Kind::ArgumentAdded, name, "", shown(schema)});
      } else if (wordless(old) != wordless(schema)) {
        out.push_back({Kind::ArgumentRetyped, name, shown(old), shown(schema)});
      } else if (old != schema) {
        out.push_back({Kind::ArgumentDescription, name, shown(member(old, "description")),
                       shown(member(schema, "description"))});
      }
    }
    for (const auto& [name, schema] : old_arguments.items()) {
      if (member(new_arguments, name).is_null()) {
        out.push_back({Kind::ArgumentRemoved, name, shown(schema), ""});
      }
    }
    required(member(before, "required"), member(after, "required"));
    Json old_rest = before;
    Json new_rest = after;
    for (Json* rest : {&old_rest, &new_rest}) {
      if (rest->is_object()) {
        rest->erase("properties");
        rest->erase("required");
      }
    }
    compare(Kind::InputSchema, "", old_rest, new_rest);
  }

  std::vector<DefinitionChange> out;

 private:
  void required(const Json& before, const Json& after) {
    const auto holds = [](const Json& list, const Json& name) {
      return std::find(list.begin(), list.end(), name) != list.end();
    };
    for (const Json& name : after) {
      if (!holds(before, name)) {
        out.push_back({Kind::ArgumentRequired, shown(name), "optional", "required"});
      }
    }
    for (const Json& name : before) {
      if (!holds(after, name)) {
        out.push_back({Kind::ArgumentRequired, shown(name), "required", "optional"});
      }
    }
  }
};

}  // namespace

std::string_view change_name(Kind kind) {
  switch (kind) {
    case Kind::ToolAdded:
      return "tool added";
    case Kind::ToolRemoved:
      return "tool removed";
    case Kind::Title:
      return "title changed";
    case Kind::Description:
      return "description changed";
    case Kind::ArgumentAdded:
      return "argument added";
    case Kind::ArgumentRemoved:
      return "argument removed";
    case Kind::ArgumentRetyped:
      return "argument retyped";
    case Kind::ArgumentDescription:
      return "argument's description changed";
    case Kind::ArgumentRequired:
      return "argument's need changed";
    case Kind::InputSchema:
      return "input schema changed";
    case Kind::OutputSchema:
      return "output schema changed";
    case Kind::Annotation:
      return "annotation changed";
  }
  return "";
}

std::string DefinitionChange::text() const {
  std::string out(change_name(kind));
  if (!subject.empty()) {
    out += " (" + subject + ")";
  }
  if (!before.empty() || !after.empty()) {
    out += ": " + (before.empty() ? "nothing" : before) + " -> " + (after.empty() ? "nothing" : after);
  }
  return out;
}

Json pinned_part(const Json& definition) {
  Json out = Json::object();
  for (const char* name : {"name", "title", "description", "inputSchema", "outputSchema", "annotations"}) {
    if (definition.is_object() && definition.contains(name)) {
      out[name] = definition[name];
    }
  }
  return out;
}

std::vector<DefinitionChange> diff_definitions(const Json& before, const Json& after) {
  Differ differ;
  differ.compare(Kind::Description, "", member(before, "description"), member(after, "description"));
  differ.arguments(member(before, "inputSchema"), member(after, "inputSchema"));
  const Json old_annotations = member(before, "annotations");
  const Json new_annotations = member(after, "annotations");
  Json names = old_annotations.is_object() ? old_annotations : Json::object();
  if (new_annotations.is_object()) {
    names.update(new_annotations);
  }
  for (const auto& [name, value] : names.items()) {
    differ.compare(Kind::Annotation, name, member(old_annotations, name), member(new_annotations, name));
  }
  differ.compare(Kind::OutputSchema, "", member(before, "outputSchema"), member(after, "outputSchema"));
  differ.compare(Kind::Title, "", member(before, "title"), member(after, "title"));
  return std::move(differ.out);
}

}  // namespace catalyst::server
