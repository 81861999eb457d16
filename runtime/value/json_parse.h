#pragma once

#include <optional>
#include <string_view>

#include "runtime/value/scratch.h"

namespace catalyst::value {

inline constexpr uint32_t kJsonDepthMax = 64;  // nesting of JSON, as of requests

/// The value of a JSON text (RFC 8259), in the arena, read as requests are: a number is an int, else a
/// decimal, else a float, whichever is the first that holds it; members that are null are left out. nullopt
/// when it is not JSON, has a name twice in one object, or is nested more than kJsonDepthMax levels;
/// `*status` is not Ok when fuel or memory ran out.
std::optional<Value> parse_json(const Scratch& scratch, std::string_view text, Status* status) noexcept;

}  // namespace catalyst::value
