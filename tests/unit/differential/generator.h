#pragma once

#include <cstdint>
#include <memory>
#include <random>

#include "compiler/ir/ir.h"

namespace catalyst::differential {

using Random = std::mt19937_64;

/// A number in [0, n).
inline uint32_t below(Random& random, uint32_t n) { return static_cast<uint32_t>(random() % n); }
/// True once in n times.
inline bool one_in(Random& random, uint32_t n) { return below(random, n) == 0; }

/// A random module that verifies: slots of every type, facts, functions, and rules whose conditions, messages
/// and set values use every instruction. The same seed gives the same module.
std::shared_ptr<const ir::Module> generate_module(uint64_t seed);

}  // namespace catalyst::differential
