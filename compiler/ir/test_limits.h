#pragma once

#include <cstdint>

namespace catalyst::ir {

/// Requests that the `given past` of one test may have sent, all together: each is counted before the test
/// asks.
inline constexpr uint32_t kMaxPastCalls = 1'000'000;

}  // namespace catalyst::ir
