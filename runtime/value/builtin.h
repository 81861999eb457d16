#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/value/scratch.h"
#include "runtime/value/value.h"

namespace catalyst::value {

enum class Builtin : uint32_t {
#define BUILTIN(name, text, signature) name,
#include "runtime/value/builtin.def"
#undef BUILTIN
#define LIBRARY(name, text, signature, function) name,
#include "runtime/value/library.def"
#undef LIBRARY
};

struct BuiltinInfo {
  std::string_view name;
  std::string_view signature;  // "(list<T>, string) -> T?"
};
/// Indexed by Builtin.
std::span<const BuiltinInfo> builtins();

/// Applies a built-in function to arguments of its signature's types. Work that grows with the arguments is
/// charged.
Status call_builtin(const Scratch& scratch, Builtin builtin, const Value* arguments, Value* out) noexcept;

}  // namespace catalyst::value
