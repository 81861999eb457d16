#include "compiler/check/builtins.h"

#include <algorithm>
#include <map>

#include "runtime/base/check.h"
#include "runtime/value/builtin.h"

namespace catalyst::check {
namespace {

using types::TypeKind;
using types::TypeTable;

constexpr std::pair<std::string_view, TypeKind> kNames[] = {
    {"bool", TypeKind::Bool},   {"int", TypeKind::Int},           {"decimal", TypeKind::Decimal},
    {"float", TypeKind::Float}, {"string", TypeKind::String},     {"bytes", TypeKind::Bytes},
    {"time", TypeKind::Time},   {"duration", TypeKind::Duration}, {"ip", TypeKind::Ip},
    {"json", TypeKind::Json},   {"list", TypeKind::List},         {"set", TypeKind::Set},
    {"map", TypeKind::Map},     {"pattern", TypeKind::String},    {"zone", TypeKind::String},
};

/// Reads "(list<T>, int) -> T?". The table is ours, so anything unexpected is a bug.
class SignatureReader {
 public:
  explicit SignatureReader(std::string_view text) : rest_(text) {}

  void read(Overload& out) {
    take("(");
    while (!try_take(")")) {
      out.parameters.push_back(type());
      try_take(",");
    }
    take("->");
    out.result = type();
  }

 private:
  SignatureType type() {
    blanks();
    const size_t length = std::min(rest_.find_first_of("<>,?) "), rest_.size());
    const std::string_view name = rest_.substr(0, length);
    rest_.remove_prefix(length);
    SignatureType out;
    if (name == "T" || name == "O") {
      out.variable = true;
      out.ordered = name == "O";
    } else {
      const auto* found = std::find_if(std::begin(kNames), std::end(kNames),
                                       [&](const auto& each) { return each.first == name; });
      CHECK(found != std::end(kNames), "signatures of built-in functions name types of the language");
      out.kind = found->second;
      out.form = name == "pattern" ? SignatureType::Form::Pattern
                 : name == "zone"  ? SignatureType::Form::Zone
                                   : SignatureType::Form::Any;
    }
    if (try_take("<")) {
      SignatureType element = type();
      if (try_take(",")) {
        element = type();
      }
      take(">");
      out.element.push_back(std::move(element));
    }
    if (try_take("?")) {
      SignatureType optional;
      optional.kind = TypeKind::Optional;
      optional.element.push_back(std::move(out));
      return optional;
    }
    return out;
  }

  void blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }
  bool try_take(std::string_view text) {
    blanks();
    if (!rest_.starts_with(text)) {
      return false;
    }
    rest_.remove_prefix(text.size());
    return true;
  }
  void take(std::string_view text) {
    CHECK(try_take(text), "signatures of built-in functions are well formed");
  }

  std::string_view rest_;
};

const std::map<std::string_view, std::vector<Overload>>& table() {
  static const auto built = [] {
    std::map<std::string_view, std::vector<Overload>> out;
    const auto rows = value::builtins();
    for (size_t i = 0; i < rows.size(); ++i) {
      Overload overload{static_cast<uint32_t>(i), rows[i].signature, {}, {}};
      SignatureReader(rows[i].signature).read(overload);
      out[rows[i].name].push_back(std::move(overload));
    }
    return out;
  }();
  return built;
}

TypeId instantiate(const SignatureType& type, TypeId variable, TypeTable& types) {
  if (type.variable) {
    return variable;
  }
  switch (type.kind) {
    case TypeKind::List:
      return types.list_of(instantiate(type.element[0], variable, types));
    case TypeKind::Set:
      return types.set_of(instantiate(type.element[0], variable, types));
    case TypeKind::Map:
      return types.map_of(instantiate(type.element[0], variable, types));
    case TypeKind::Optional:
      return types.optional_of(instantiate(type.element[0], variable, types));
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
    case TypeKind::Enum:
    case TypeKind::Record:
      break;
  }
  // The fixed ids of built-in types are their kinds.
  return TypeId(static_cast<uint32_t>(type.kind));
}

bool has_variable(const SignatureType& type) {
  return type.variable || (!type.element.empty() && has_variable(type.element[0]));
}

bool is_ordered(TypeKind kind) {
  return kind == TypeKind::Int || kind == TypeKind::Decimal || kind == TypeKind::Float ||
         kind == TypeKind::String || kind == TypeKind::Time || kind == TypeKind::Duration;
}

/// Finds what T stands for; false when the shapes differ.
bool unify(const SignatureType& wanted, TypeId found, const TypeTable& types, TypeId& variable) {
  if (wanted.variable) {
    if (!variable.valid()) {
      variable = found;
    }
    return variable == found && (!wanted.ordered || is_ordered(types.kind(found)));
  }
  if (types.kind(found) != wanted.kind) {
    return false;
  }
  return wanted.element.empty() || unify(wanted.element[0], types.get(found).element, types, variable);
}

bool matches(const Overload& overload, const std::vector<TypeId>& arguments, const TypeTable& types,
             bool with_conversion, TypeId& variable) {
  if (overload.parameters.size() != arguments.size()) {
    return false;
  }
  for (size_t i = 0; i < arguments.size(); ++i) {
    const SignatureType& wanted = overload.parameters[i];
    const bool widened =
        with_conversion && wanted.kind == TypeKind::Decimal && arguments[i] == TypeTable::kInt;
    if (with_conversion && wanted.kind == TypeKind::Optional && !types.is_optional(arguments[i])) {
      if (!unify(wanted.element[0], arguments[i], types, variable)) {
        return false;
      }
      continue;
    }
    if (!widened && !unify(wanted, arguments[i], types, variable)) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool is_builtin(std::string_view name) { return table().contains(name); }

std::span<const Overload> builtin_overloads(std::string_view name) {
  const auto found = table().find(name);
  return found == table().end() ? std::span<const Overload>() : std::span<const Overload>(found->second);
}

std::vector<std::string_view> builtin_names() {
  std::vector<std::string_view> out;
  for (const auto& [name, overloads] : table()) {
    if (name.find('.') == std::string_view::npos) {  // the library's are offered by their modules
      out.push_back(name);
    }
  }
  return out;
}

std::optional<BuiltinCall> resolve_builtin(std::string_view name, const std::vector<TypeId>& arguments,
                                           TypeTable& types) {
  for (const bool with_conversion : {false, true}) {
    for (const Overload& overload : builtin_overloads(name)) {
      TypeId variable;
      if (!matches(overload, arguments, types, with_conversion, variable)) {
        continue;
      }
      BuiltinCall call;
      call.overload = &overload;
      for (const SignatureType& parameter : overload.parameters) {
        call.parameters.push_back(instantiate(parameter, variable, types));
      }
      call.result = instantiate(overload.result, variable, types);
      return call;
    }
  }
  return std::nullopt;
}

TypeId builtin_hint(std::string_view name, size_t position, TypeTable& types) {
  TypeId hint;
  for (const Overload& overload : builtin_overloads(name)) {
    if (position >= overload.parameters.size()) {
      return {};
    }
    const SignatureType& wanted = overload.parameters[position];
    if (has_variable(wanted)) {
      return {};
    }
    const TypeId type = instantiate(wanted, {}, types);
    if (hint.valid() && hint != type) {
      return {};
    }
    hint = type;
  }
  return hint;
}

Accepted builtin_accepts(std::string_view name, size_t position) {
  Accepted out;
  for (const Overload& overload : builtin_overloads(name)) {
    if (position < overload.parameters.size()) {
      const SignatureType& wanted = overload.parameters[position];
      const bool optional = wanted.kind == TypeKind::Optional;
      const SignatureType& inner = optional ? wanted.element[0] : wanted;
      out.optional = out.optional || optional;
      out.json = out.json || inner.variable || inner.kind == TypeKind::Json;
    }
  }
  return out;
}

}  // namespace catalyst::check
