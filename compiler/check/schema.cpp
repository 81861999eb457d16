#include "compiler/check/schema.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "runtime/base/budget.h"

namespace catalyst::check {
namespace {

using nlohmann::json;
using types::Field;
using types::TypeTable;

const json* member(const json& object, const char* name) {
  if (!object.is_object()) {
    return nullptr;
  }
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::string string_member(const json& object, const char* name) {
  const json* found = member(object, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_null_schema(const json& schema) { return string_member(schema, "type") == "null"; }

/// What one node of a schema costs of a Budget.
constexpr uint64_t kNodeSteps = 50;

/// The members of a schema that say something about types, found in one pass.
struct Keywords {
  const json* ref = nullptr;
  const json* one_of = nullptr;
  const json* any_of = nullptr;
  const json* all_of = nullptr;
  const json* nullable = nullptr;
  const json* values = nullptr;
  const json* value = nullptr;
  const json* type = nullptr;
  const json* items = nullptr;
  const json* properties = nullptr;
  const json* required = nullptr;
  const json* others = nullptr;

  explicit Keywords(const json::object_t& schema) {
    static constexpr std::pair<std::string_view, const json * Keywords::*> kNames[] = {
        {"$ref", &Keywords::ref},          {"oneOf", &Keywords::one_of},
        {"anyOf", &Keywords::any_of},      {"allOf", &Keywords::all_of},
        {"nullable", &Keywords::nullable}, {"enum", &Keywords::values},
        {"const", &Keywords::value},       {"type", &Keywords::type},
        {"items", &Keywords::items},       {"properties", &Keywords::properties},
        {"required", &Keywords::required}, {"additionalProperties", &Keywords::others}};
    for (const auto& [name, member] : schema) {
      for (const auto& [known, place] : kNames) {
        if (name == known) {
          this->*place = &member;
        }
      }
    }
  }
};

/// What a schema describes, as messages call it: "owner of arguments of github.read". Most schemas never need
/// theirs.
struct Name {
  std::string_view text;
  const Name* of = nullptr;

  [[nodiscard]] std::string full() const {
    return of == nullptr ? std::string(text) : std::string(text) + " of " + of->full();
  }
};

/// Makes the types of one tool's schema. Whatever it does not understand is json, which is always true.
class Importer {
 public:
  Importer(const json& root, TypeTable& types, EnumIndex& enums, const SchemaLimits& limits)
      : root_(root), types_(types), enums_(enums), limits_(limits) {}

  TypeId convert(const json& schema, const Name& name, int depth = 0) {
    if (!Budget::spend(kNodeSteps) || ++nodes_ > limits_.nodes || depth > limits_.depth ||
        !schema.is_object()) {
      return TypeTable::kJson;
    }
    const Keywords has(schema.get_ref<const json::object_t&>());
    if (has.ref != nullptr) {
      const json* found = resolve(*has.ref);
      return found == nullptr ? TypeTable::kJson : convert(*found, name, depth + 1);
    }
    if (has.one_of != nullptr || has.any_of != nullptr) {
      return alternatives(has.one_of != nullptr ? *has.one_of : *has.any_of, name, depth);
    }
    if (has.all_of != nullptr) {
      return merged(schema, *has.all_of, name, depth);
    }
    const TypeId type = plain(has, name, depth);
    return has.nullable != nullptr && *has.nullable == true ? types_.optional_of(type) : type;
  }

 private:
  const json* resolve(const json& ref) const {
    // Only "#/..." within the same schema: nothing is ever fetched.
    if (!ref.is_string()) {
      return nullptr;
    }
    const std::string text = ref.get<std::string>();
    if (text.empty() || text[0] != '#') {
      return nullptr;
    }
    try {
      const json::json_pointer pointer(text.substr(1));
      return root_.contains(pointer) ? &root_.at(pointer) : nullptr;
    } catch (const json::exception&) {
      return nullptr;
    }
  }

  TypeId alternatives(const json& choices, const Name& name, int depth) {
    if (!choices.is_array()) {
      return TypeTable::kJson;
    }
    const json* only = nullptr;
    bool null = false;
    for (const json& choice : choices) {
      if (is_null_schema(choice)) {
        null = true;
      } else if (only == nullptr) {
        only = &choice;
      } else {
        return TypeTable::kJson;
      }
    }
    if (only == nullptr) {
      return TypeTable::kJson;
    }
    const TypeId type = convert(*only, name, depth + 1);
    return null ? types_.optional_of(type) : type;
  }

  TypeId merged(const json& schema, const json& parts, const Name& name, int depth) {
    if (!parts.is_array() || parts.size() > limits_.fields) {
      return TypeTable::kJson;
    }
    json all = schema;
    all.erase("allOf");
    for (const json& part : parts) {
      const json* ref = member(part, "$ref");
      const json* from = ref == nullptr ? &part : resolve(*ref);
      if (from == nullptr || !from->is_object() || from->contains("allOf") || from->contains("anyOf") ||
          from->contains("oneOf") || from->contains("$ref") || !merge_into(all, *from)) {
        return TypeTable::kJson;
      }
    }
    return convert(all, name, depth + 1);
  }

  static bool merge_into(json& all, const json& part) {
    for (const auto& [key, value] : part.items()) {
      if (!Budget::spend((value.size() + 1) * kNodeSteps)) {
        return false;
      }
      if (key == "properties" && value.is_object()) {
        for (const auto& [field, schema] : value.items()) {
          json& place = all["properties"][field];
          if (!place.is_null() && place != schema) {
            return false;
          }
          place = schema;
        }
      } else if (key == "required" && value.is_array()) {
        for (const json& field : value) {
          all["required"].push_back(field);
        }
      } else if (!all.contains(key)) {
        all[key] = value;
      } else if (key == "type" && all[key] != value) {
        return false;
      }
    }
    return true;
  }

  TypeId plain(const Keywords& has, const Name& name, int depth) {
    if (has.values != nullptr) {
      return enumeration(*has.values);
    }
    if (has.value != nullptr) {
      return enumeration(json::array({*has.value}));
    }
    if (has.type == nullptr) {
      return has.properties != nullptr ? object(has, name, depth) : TypeTable::kJson;
    }
    if (has.type->is_string()) {
      return typed(has, has.type->get_ref<const std::string&>(), name, depth);
    }
    if (!has.type->is_array()) {
      return TypeTable::kJson;
    }
    std::string only;
    bool null = false;
    for (const json& each : *has.type) {
      if (each == "null") {
        null = true;
      } else if (only.empty() && each.is_string()) {
        only = each.get<std::string>();
      } else {
        return TypeTable::kJson;
      }
    }
    const TypeId found = typed(has, only, name, depth);
    return null ? types_.optional_of(found) : found;
  }

  TypeId typed(const Keywords& has, const std::string& type, const Name& name, int depth) {
    if (type == "string") {
      return TypeTable::kString;
    }
    if (type == "integer") {
      return TypeTable::kInt;
    }
    if (type == "number") {
      return TypeTable::kDecimal;
    }
    if (type == "boolean") {
      return TypeTable::kBool;
    }
    if (type == "array") {
      return types_.list_of(has.items == nullptr ? TypeTable::kJson
                                                 : convert(*has.items, {"item", &name}, depth + 1));
    }
    return type == "object" ? object(has, name, depth) : TypeTable::kJson;
  }

  TypeId object(const Keywords& has, const Name& name, int depth) {
    const json* properties = has.properties;
    const json* others = has.others;
    const bool has_fields = properties != nullptr && properties->is_object() && !properties->empty();
    if (!has_fields && others != nullptr && others->is_object()) {
      return types_.map_of(convert(*others, {"member", &name}, depth + 1));
    }
    const bool closed = others != nullptr && *others == false;
    if ((properties == nullptr && !closed) || (has_fields && properties->size() > limits_.fields)) {
      return TypeTable::kJson;
    }
    std::set<std::string> required;
    if (has.required != nullptr && has.required->is_array()) {
      for (const json& field : *has.required) {
        if (field.is_string()) {
          required.insert(field.get<std::string>());
        }
      }
    }
    std::vector<Field> fields;
    if (has_fields) {
      for (const auto& [field, value] : properties->items()) {
        const TypeId type = convert(value, {field, &name}, depth + 1);
        fields.push_back({field, required.contains(field) ? type : types_.optional_of(type)});
      }
    }
    return types_.record_type(name.full(), std::move(fields), true);
  }

  TypeId enumeration(const json& values) {
    if (!values.is_array() || values.empty() || values.size() > limits_.enum_members) {
      return TypeTable::kJson;
    }
    std::vector<std::string> members;
    bool null = false;
    for (const json& value : values) {
      if (value.is_null()) {
        null = true;
      } else if (!value.is_string()) {
        return TypeTable::kJson;
      } else if (std::find(members.begin(), members.end(), value.get_ref<const std::string&>()) ==
                 members.end()) {
        members.push_back(value.get<std::string>());
      }
    }
    if (members.empty()) {
      return TypeTable::kJson;
    }
    TypeId type = enums_.find(members);
    if (!type.valid()) {
      type = types_.enum_type("", std::move(members), true);
    }
    return null ? types_.optional_of(type) : type;
  }

  const json& root_;
  TypeTable& types_;
  EnumIndex& enums_;
  const SchemaLimits& limits_;
  size_t nodes_ = 0;
};

TypeId import_schema(const json* schema, const Name& name, TypeTable& types, EnumIndex& enums,
                     const SchemaLimits& limits) {
  if (schema == nullptr) {
    return TypeTable::kJson;
  }
  const TypeId type = Importer(*schema, types, enums, limits).convert(*schema, name);
  const types::TypeKind kind = types.kind(type);
  return kind == types::TypeKind::Record || kind == types::TypeKind::Map ? type : TypeTable::kJson;
}

const json* find_tools(const json& document) {
  if (document.is_array()) {
    return &document;
  }
  if (const json* tools = member(document, "tools")) {
    return tools;
  }
  const json* result = member(document, "result");
  return result == nullptr ? nullptr : member(*result, "tools");
}

/// Brackets that are open at once, outside of strings; needs no valid JSON.
bool nested_deeper_than(std::string_view text, int limit) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      in_string = c != '"';
    } else if (c == '[' || c == '{') {
      if (++depth > limit) {
        return true;
      }
    } else if (c == ']' || c == '}') {
      --depth;
    } else {
      in_string = c == '"';
    }
  }
  return false;
}

}  // namespace

std::string Tool::definition() const { return source->dump(-1, ' ', false, json::error_handler_t::replace); }

std::string EnumIndex::key(std::vector<std::string> members) {
  std::sort(members.begin(), members.end());
  std::string out;
  for (const std::string& member : members) {
    out += std::to_string(member.size()) + ":" + member;
  }
  return out;
}

void EnumIndex::add(std::vector<std::string> members, TypeId type) {
  by_members_.try_emplace(key(std::move(members)), type);
}

TypeId EnumIndex::find(std::vector<std::string> members) {
  const auto found = by_members_.find(key(std::move(members)));
  if (found == by_members_.end()) {
    return {};
  }
  used_.insert(found->second);
  return found->second;
}

std::shared_ptr<const json> SchemaCache::find(const std::string& text) {
  if (const auto now = read_.find(text); now != read_.end()) {
    return now->second;
  }
  const auto before = old_.find(text);
  return before == old_.end() ? nullptr : read_.emplace(text, before->second).first->second;
}

void SchemaCache::add(const std::string& text, std::shared_ptr<const json> document) {
  read_.insert_or_assign(text, std::move(document));
}

void SchemaCache::forget_unread() {
  old_ = std::move(read_);
  read_.clear();
}

Result<std::vector<Tool>> import_tools(const std::string& text, std::string_view server, TypeTable& types,
                                       EnumIndex& enums, const SchemaLimits& limits, SchemaCache* cache) {
  if (text.size() > limits.bytes) {
    return error("it has " + std::to_string(text.size()) + " bytes, the limit is " +
                 std::to_string(limits.bytes));
  }
  try {
    std::shared_ptr<const json> document = cache == nullptr ? nullptr : cache->find(text);
    if (document == nullptr) {
      if (nested_deeper_than(text, limits.json_depth)) {
        return error("it is nested more than " + std::to_string(limits.json_depth) + " levels deep");
      }
      document = std::make_shared<const json>(json::parse(text, nullptr, false));
      if (document->is_discarded()) {
        return error("it is not JSON");
      }
      if (cache != nullptr) {
        cache->add(text, document);
      }
    }
    const json* list = find_tools(*document);
    if (list == nullptr || !list->is_array()) {
      return error("it has no list `tools`");
    }
    if (list->size() > limits.tools) {
      return error("it has more than " + std::to_string(limits.tools) + " tools");
    }
    std::vector<Tool> tools;
    for (const json& each : *list) {
      Tool tool;
      tool.name = string_member(each, "name");
      if (tool.name.empty()) {
        return error("tool " + std::to_string(tools.size() + 1) + " has no name");
      }
      const std::string text = std::string(server) + "." + tool.name;
      const Name full{text};
      tool.input = import_schema(member(each, "inputSchema"), {"arguments", &full}, types, enums, limits);
      tool.output = import_schema(member(each, "outputSchema"), {"result", &full}, types, enums, limits);
      tool.source = std::shared_ptr<const json>(document, &each);
      tools.push_back(std::move(tool));
    }
    return tools;
  } catch (const json::exception& problem) {
    return error(problem.what());
  }
}

}  // namespace catalyst::check
