#pragma once

#include <cstdint>
#include <vector>

#include "compiler/ir/ir.h"

namespace catalyst::ir {

/// Per target of the module, the slots that those of `rules` with this target read in condition, message and
/// effects, through facts and functions too, and those that windows over requests of `hook` with this target
/// count by; ascending. Whoever reads a window reads what its key is made of.
std::vector<std::vector<uint32_t>> find_target_slots(const Module& module, abi::Hook hook,
                                                     const std::vector<uint32_t>& rules);

/// The slots that the expressions of a route read; ascending.
std::vector<uint32_t> find_route_slots(const Module& module, const Route& route);

}  // namespace catalyst::ir
