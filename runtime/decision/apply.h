#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/decision/verdict.h"

namespace catalyst::decision {

class Pack;

/// `args_json` (a JSON object; empty: {}) with every set applied in order. Bytes that no set touches stay as
/// they are; missing objects on the way are created, and a value on the way that is not an object is replaced
/// by one. Text that is not a JSON object is answered as an object that holds the sets alone.
[[nodiscard]] std::string apply_sets(std::string_view args_json, std::span<const SetEffect> sets);

/// `result_json` (a CallToolResult) with every redaction applied: strings at or below the path, lists crossed
/// implicitly, segment "*" for every member. Without patterns the whole value becomes "[redacted]". Paths
/// start at the result itself (`content`, `structuredContent`, ...). A result that cannot be read as JSON
/// becomes an empty error result: nothing unredacted ever leaves. The number of replacements is added to
/// `*count` when given.
[[nodiscard]] std::string apply_redactions(std::string_view result_json, const Pack& pack,
                                           std::span<const RedactEffect> redactions, size_t* count = nullptr);

}  // namespace catalyst::decision
