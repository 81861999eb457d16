#pragma once

#include <cstddef>

namespace catalyst {

/// Up to here a copy of what follows a head into the same buffer costs less than a system call that gathers
/// both.
inline constexpr size_t kJoinBytes = size_t{4} * 1024;

}  // namespace catalyst
