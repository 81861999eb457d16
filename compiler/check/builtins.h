#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/types/type.h"

namespace catalyst::check {

using types::TypeId;

/// A type as a signature writes it: "list<T>", "map<string, T>", "decimal?".
struct SignatureType {
  /// What the written argument must be beyond its type: a regular expression (a literal; the call gets its
  /// number), or a time zone (checked when it is a literal).
  enum class Form : uint8_t { Any, Pattern, Zone };
  types::TypeKind kind = types::TypeKind::Error;
  Form form = Form::Any;
  bool variable = false;               // T, or O: any type that has an order
  bool ordered = false;                // O
  std::vector<SignatureType> element;  // of collections and optionals: one
};

/// One row of runtime/value/builtin.def, read once.
struct Overload {
  uint32_t index;  // in builtin.def
  std::string_view signature;
  std::vector<SignatureType> parameters;
  SignatureType result;
};

bool is_builtin(std::string_view name);
/// Empty when there is no such function.
std::span<const Overload> builtin_overloads(std::string_view name);
/// Of those that need no import.
std::vector<std::string_view> builtin_names();

/// Types of a call: what T stands for and what the call answers.
struct BuiltinCall {
  const Overload* overload = nullptr;
  std::vector<TypeId> parameters;
  TypeId result;
};
/// The overload whose parameters are exactly `arguments`, or else the first that they convert to (int to
/// decimal, T to T?).
std::optional<BuiltinCall> resolve_builtin(std::string_view name, const std::vector<TypeId>& arguments,
                                           types::TypeTable& types);
/// The type that every overload wants at `position`, or invalid when they differ.
TypeId builtin_hint(std::string_view name, size_t position, types::TypeTable& types);

/// What the argument at `position` may be as it is: json without a cast, an optional without a guard.
struct Accepted {
  bool json = false;
  bool optional = false;
};
Accepted builtin_accepts(std::string_view name, size_t position);

}  // namespace catalyst::check
