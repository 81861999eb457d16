#pragma once

#include <cstdint>
#include <vector>

#include "compiler/types/type.h"

namespace catalyst::differential {

/// A function of the library, bound to types.
struct LibraryCall {
  enum class Form : uint8_t { Value, Pattern, Zone };
  struct Parameter {
    Form form = Form::Value;
    types::TypeId type;  // of a Value
  };
  uint32_t builtin;
  std::vector<Parameter> parameters;
};

/// All that answer `result`, from the table of host functions.
std::vector<LibraryCall> library_calls(types::TypeTable& types, types::TypeId result);

}  // namespace catalyst::differential
