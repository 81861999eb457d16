#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stdlib/stdlib.h"

namespace catalyst::driver {

/// What one exported declaration of the library is and does: for references, `catalyst explain` and hovers.
struct LibraryEntry {
  std::string name;       // "pad_left"
  std::string signature;  // "pad_left(text: string, width: int, fill: string) -> string"
  std::string doc;
};
struct LibraryModule {
  std::string name;  // "text"
  std::string doc;
  std::vector<LibraryEntry> entries;  // in the order of the source
};

/// Modules of the library, in the order given. Parses them: not for hot paths.
std::vector<LibraryModule> library_modules(std::span<const stdlib::Module> modules = stdlib::modules());

/// What `name` ("text", "text.pad_left", or "pad_left" wherever it is) stands for, as plain text; empty when
/// the library has no such thing.
std::string library_help(std::string_view name);

}  // namespace catalyst::driver
