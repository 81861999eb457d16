#pragma once

#include <optional>
#include <string_view>

#include "runtime/value/scratch.h"

namespace catalyst::value {

inline constexpr uint32_t kJsonDepthMax = 64;  // nesting of JSON, as of requests

/// The value of a JSON text (RFC 8259), in the arena: numbers as decimals, members that are null left out.
/// nullopt when it is not JSON, has a name twice in one object, a number that does not fit, or is nested more
/// than kJsonDepthMax levels; `*status` is not Ok when fuel or memory ran out.
std::optional<Value> parse_json(const Scratch& scratch, std::string_view text, Status* status) noexcept;

}  // namespace catalyst::value
