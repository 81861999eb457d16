#pragma once

#include <string>
#include <string_view>

namespace catalyst::mcp {

/// True for a W3C traceparent of version 00 (or a later one with the same first fields) whose ids are not
/// zero.
bool is_traceparent(std::string_view text);

/// A new traceparent with random ids, sampled.
std::string make_traceparent();

/// The 32 hex digits of the trace id; `traceparent` must be valid.
inline std::string_view trace_id_of(std::string_view traceparent) { return traceparent.substr(3, 32); }

}  // namespace catalyst::mcp
