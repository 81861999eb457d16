#pragma once

#include <initializer_list>
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

/// What a request says of the trace that it belongs to, in one place.
struct TraceClaim {
  std::string_view parent;
  std::string_view state;
};
struct TraceContext {
  std::string parent;
  std::string_view state;
};
/// The first claim that has a valid parent, else a trace of its own. A state of more than 512 bytes, or with
/// line breaks, is dropped (W3C Trace Context, 3.3.1.5).
[[nodiscard]] TraceContext continue_trace(std::initializer_list<TraceClaim> claims);

}  // namespace catalyst::mcp
