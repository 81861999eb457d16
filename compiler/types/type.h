#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/base/ids.h"

namespace catalyst::types {

enum class TypeKind : uint8_t {
  Error,  // already diagnosed; compatible with everything
  Bool,
  Int,
  Decimal,
  Float,
  String,
  Bytes,
  Time,
  Duration,
  Ip,
  Json,  // no schema: every step into it is optional
  Enum,
  Record,
  List,
  Set,
  Map,  // string keys
  Optional,
};

struct TypeTag;
using TypeId = Id<TypeTag>;

struct Field {
  std::string name;
  TypeId type;
};

struct Type {
  TypeKind kind = TypeKind::Error;
  std::string
      name;  // Enum, Record: declared name, or what messages call an anonymous one ("arguments of db.query")
  std::vector<std::string> members;  // Enum: in declaration order
  std::vector<Field> fields;         // Record: in declaration order
  TypeId element;                    // List, Set, Map, Optional
  bool anonymous = false;            // Enum, Record from a schema: equal by structure, not by name
};

/// Interned types: equal types have equal ids. Built-in ids are fixed (k* constants). Not thread-safe.
class TypeTable {
 public:
  static constexpr TypeId kError{0u};
  static constexpr TypeId kBool{1u};
  static constexpr TypeId kInt{2u};
  static constexpr TypeId kDecimal{3u};
  static constexpr TypeId kFloat{4u};
  static constexpr TypeId kString{5u};
  static constexpr TypeId kBytes{6u};
  static constexpr TypeId kTime{7u};
  static constexpr TypeId kDuration{8u};
  static constexpr TypeId kIp{9u};
  static constexpr TypeId kJson{10u};

  TypeTable();

  TypeId list_of(TypeId element);
  TypeId set_of(TypeId element);
  TypeId map_of(TypeId value);
  /// T? ; T?? is T?.
  TypeId optional_of(TypeId inner);
  /// A declared enum or record: one id a name. A schema's: one id a structure (name kept from the first).
  TypeId enum_type(std::string name, std::vector<std::string> members, bool anonymous);
  TypeId record_type(std::string name, std::vector<Field> fields, bool anonymous);

  [[nodiscard]] const Type& get(TypeId id) const { return types_[id.index]; }
  [[nodiscard]] TypeKind kind(TypeId id) const { return types_[id.index].kind; }
  [[nodiscard]] bool is_optional(TypeId id) const { return kind(id) == TypeKind::Optional; }
  /// T of T?, else the type itself.
  [[nodiscard]] TypeId strip_optional(TypeId id) const { return is_optional(id) ? get(id).element : id; }
  /// nullptr when the record has no such field.
  [[nodiscard]] const Field* field(TypeId record, std::string_view name) const;
  /// As the author would write it: "list<string>", "Order", "string?".
  [[nodiscard]] std::string text(TypeId id) const;
  [[nodiscard]] size_t size() const { return types_.size(); }

 private:
  TypeId intern(std::string key, Type type);
  TypeId derive(TypeKind kind, TypeId element);

  std::vector<Type> types_;
  std::unordered_map<std::string, TypeId> by_key_;
  std::unordered_map<uint64_t, TypeId> derived_;  // by kind and element
};

}  // namespace catalyst::types
