#pragma once

#include <cstdint>

namespace catalyst::abi {

/// A position for people: where an expression stands.
struct SourcePlace {
  uint32_t file = 0;  // in Unit::files
  uint32_t line = 0;
  uint32_t column = 0;
  uint32_t length = 0;  // bytes
  uint32_t offset = 0;  // bytes from the start of the file
  /// The text says the opposite of the value: `x is absent` is compiled as "not (x is present)" in one place.
  bool negated = false;
};

}  // namespace catalyst::abi
