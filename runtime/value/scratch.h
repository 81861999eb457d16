#pragma once

#include <cstdint>

#include "runtime/base/arena.h"
#include "runtime/value/value.h"

namespace catalyst::value {

class RegexSet;

/// What an operation may use up: arena memory for results, fuel for work that grows with its operands.
struct Scratch {
  Arena* arena;
  int64_t* fuel;
  const RegexSet* regexes = nullptr;  // the unit's; functions with a `pattern` need it

  /// Takes `steps`; OutOfFuel (and nothing left) when there are not that many.
  Status charge(uint64_t steps) const noexcept {
    if (*fuel < 0 || static_cast<uint64_t>(*fuel) < steps) {
      *fuel = 0;
      return Status::OutOfFuel;
    }
    *fuel -= static_cast<int64_t>(steps);
    return Status::Ok;
  }
  /// The price of scanning `bytes` of text.
  Status charge_scan(uint64_t bytes) const noexcept { return charge(1 + bytes / 64); }
};

}  // namespace catalyst::value
