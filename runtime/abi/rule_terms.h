#pragma once

#include <cstdint>

// Closed sets that rules are made of, shared by compiler and runtime.

namespace catalyst::abi {

/// What a window makes of the requests in it.
enum class WindowKind : uint8_t {
  Count,     // how many there were; an int
  Sum,       // of a value of each; a decimal
  Distinct,  // how many different texts; an int
};

/// What a rule does whose condition fails at run time.
enum class OnError : uint8_t {
  Usual,  // a deny denies, an allow does nothing, other effects happen
  Deny,   // the request is denied, whatever the rule is for
  Skip,   // as if the condition had been false
};

}  // namespace catalyst::abi
