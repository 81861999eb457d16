#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace catalyst::codegen {

/// What native code may call: the closed list of host.def. Everything else of the process is out of its
/// reach.
enum class Host : uint8_t {
#define HOST(name, symbol, signature, effect) name,
#include "compiler/codegen/host.def"
#undef HOST
};

/// Does a call change memory that compiled code looks at?
enum class HostEffect : uint8_t { ReadsOnly, Writes };

struct HostSymbol {
  const char* name;
  /// Result, then parameters: v void, p pointer, i 32 bits, l 64 bits, d double.
  std::string_view signature;
  HostEffect effect;
  void* address;
};

/// Indexed by Host.
std::span<const HostSymbol> host_symbols();

/// Data of the unit that its code reads: the closed list of place.def.
enum class Place : uint8_t {
#define PLACE(name, symbol) name,
#include "compiler/codegen/place.def"
#undef PLACE
};

/// Indexed by Place.
inline constexpr const char* kPlaceSymbols[] = {
#define PLACE(name, symbol) #symbol,
#include "compiler/codegen/place.def"
#undef PLACE
};

}  // namespace catalyst::codegen
