#include "compiler/types/type.h"

#include <utility>

#include "runtime/base/check.h"

namespace catalyst::types {
namespace {

// Names come from schemas and may hold any byte: the length in front keeps keys of different structures
// apart.
void append_key(std::string& key, std::string_view text) {
  key += std::to_string(text.size());
  key += ':';
  key += text;
}

std::string join_some(const std::vector<std::string>& words) {
  constexpr size_t kShown = 6;
  std::string out;
  for (size_t i = 0; i < words.size() && i < kShown; ++i) {
    out += i == 0 ? "" : ", ";
    out += words[i];
  }
  return words.size() > kShown ? out + ", ..." : out;
}

}  // namespace

TypeTable::TypeTable() {
  constexpr std::pair<TypeKind, const char*> kBuiltin[] = {
      {TypeKind::Error, "?"},         {TypeKind::Bool, "bool"},   {TypeKind::Int, "int"},
      {TypeKind::Decimal, "decimal"}, {TypeKind::Float, "float"}, {TypeKind::String, "string"},
      {TypeKind::Bytes, "bytes"},     {TypeKind::Time, "time"},   {TypeKind::Duration, "duration"},
      {TypeKind::Ip, "ip"},           {TypeKind::Json, "json"},
  };
  for (const auto& [kind, name] : kBuiltin) {
    Type type;
    type.kind = kind;
    type.name = name;
    types_.push_back(std::move(type));
  }
  DCHECK(kind(kJson) == TypeKind::Json, "the table of built-in types follows the constants");
}

TypeId TypeTable::intern(std::string key, Type type) {
  const auto [found, fresh] = by_key_.try_emplace(std::move(key), TypeId(types_.size()));
  if (fresh) {
    types_.push_back(std::move(type));
  }
  return found->second;
}

TypeId TypeTable::derive(TypeKind kind, TypeId element) {
  const uint64_t key = static_cast<uint64_t>(kind) << 32 | element.index;
  const auto [found, fresh] = derived_.try_emplace(key, TypeId(types_.size()));
  if (fresh) {
    Type type;
    type.kind = kind;
    type.element = element;
    types_.push_back(std::move(type));
  }
  return found->second;
}

TypeId TypeTable::list_of(TypeId element) { return derive(TypeKind::List, element); }
TypeId TypeTable::set_of(TypeId element) { return derive(TypeKind::Set, element); }
TypeId TypeTable::map_of(TypeId value) { return derive(TypeKind::Map, value); }
TypeId TypeTable::optional_of(TypeId inner) {
  return is_optional(inner) || inner == kError ? inner : derive(TypeKind::Optional, inner);
}

TypeId TypeTable::enum_type(std::string name, std::vector<std::string> members, bool anonymous) {
  std::string key(anonymous ? "e" : "E");
  if (anonymous) {
    for (const std::string& member : members) {
      append_key(key, member);
    }
  } else {
    append_key(key, name);
  }
  Type type;
  type.kind = TypeKind::Enum;
  type.name = std::move(name);
  type.members = std::move(members);
  type.anonymous = anonymous;
  return intern(std::move(key), std::move(type));
}

TypeId TypeTable::record_type(std::string name, std::vector<Field> fields, bool anonymous) {
  std::string key(anonymous ? "r" : "R");
  if (anonymous) {
    for (const Field& each : fields) {
      append_key(key, each.name);
      key += std::to_string(each.type.index);
      key += ';';
    }
  } else {
    append_key(key, name);
  }
  Type type;
  type.kind = TypeKind::Record;
  type.name = std::move(name);
  type.fields = std::move(fields);
  type.anonymous = anonymous;
  return intern(std::move(key), std::move(type));
}

const Field* TypeTable::field(TypeId record, std::string_view name) const {
  for (const Field& each : get(record).fields) {
    if (each.name == name) {
      return &each;
    }
  }
  return nullptr;
}

std::string TypeTable::text(TypeId id) const {
  const Type& type = get(id);
  switch (type.kind) {
    case TypeKind::Error:
    case TypeKind::Bool:
    case TypeKind::Int:
    case TypeKind::Decimal:
    case TypeKind::Float:
    case TypeKind::String:
    case TypeKind::Bytes:
    case TypeKind::Time:
    case TypeKind::Duration:
    case TypeKind::Ip:
    case TypeKind::Json:
      return type.name;
    case TypeKind::Enum:
      return type.anonymous ? "enum { " + join_some(type.members) + " }" : type.name;
    case TypeKind::Record: {
      if (!type.anonymous || !type.name.empty()) {
        return type.name;
      }
      std::vector<std::string> names;
      for (const Field& each : type.fields) {
        names.push_back(each.name);
      }
      return "record { " + join_some(names) + " }";
    }
    case TypeKind::List:
      return "list<" + text(type.element) + ">";
    case TypeKind::Set:
      return "set<" + text(type.element) + ">";
    case TypeKind::Map:
      return "map<string, " + text(type.element) + ">";
    case TypeKind::Optional:
      return text(type.element) + "?";
  }
  CHECK(false, "every kind of type has a text");
}

}  // namespace catalyst::types
