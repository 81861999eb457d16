#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/routing/random.h"

namespace catalyst::routing {

/// A target as the policies see it.
struct Candidate {
  size_t index = 0;  // the caller's
  uint32_t weight = 1;
  uint32_t in_flight = 0;
  uint64_t hash = 0;           // of its name
  int64_t* current = nullptr;  // smooth weighted round robin: its running value
};

// Each answers a position in `candidates`, which must not be empty and have weights above 0.

/// Smooth weighted round robin: shares exact over a full cycle, and the heavier ones spread over it rather
/// than in a burst. In turn when all weights are equal.
size_t next_weighted(std::span<const Candidate> candidates);

/// Power of two choices: of two random ones that with fewer calls under way for its weight. Close to the
/// least loaded of all, and many gateways that choose like this do not all run to the same one.
size_t next_least_loaded(std::span<const Candidate> candidates, Random& random);

/// Consistent hash by highest random weight: when a target comes or goes, only keys of that target move, and
/// each has its share by weight. Bounded load: whoever has a quarter more calls under way than its share is
/// passed by for the key's next choice, so that one hot key cannot drown a target.
size_t next_by_hash(std::span<const Candidate> candidates, uint64_t key);

}  // namespace catalyst::routing
