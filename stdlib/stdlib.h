#pragma once

#include <span>
#include <string_view>

namespace catalyst::stdlib {

/// One module of the library: what `import NAME` brings.
struct Module {
  std::string_view name;
  std::string_view text;  // its source
};

/// All of them, by name. Immutable, for the life of the program.
std::span<const Module> modules();

}  // namespace catalyst::stdlib
