#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/routing/words.h"

namespace catalyst::mcp {

class UpstreamSession;

/// What the cache did for a call.
enum class CacheUse : uint8_t {
  None,  // was not asked
  Miss,
  Hit,
  Joined,  // an identical call was on its way, and its answer serves both
};
std::string_view text_of(CacheUse use);

/// One attempt at a target.
struct RouteAttempt {
  std::string target;
  routing::Reason reason = routing::Reason::Only;
  routing::Outcome outcome = routing::Outcome::Cancelled;
  routing::BreakerState breaker = routing::BreakerState::Closed;  // after it
  int64_t ms = 0;
  bool hedge = false;  // sent while another was still waited for
};

/// How a call found its target: the explanation that goes into logs and audit records.
struct RouteTrace {
  std::string route;
  std::vector<RouteAttempt> attempts;  // in the order in which they ended
  CacheUse cache = CacheUse::None;
  std::vector<std::string> problems;  // with expressions of the route: what they say counts for nothing
  bool budget_denied = false;         // there would have been another attempt
  bool shadowed = false;              // a copy went to the shadow

  /// {"route":...,"target":...,"why":...,"attempts":[...]...}, of which empty parts are left out.
  [[nodiscard]] std::string json() const;
};

/// What is known of a call to a server that has several places to run it, beside the call itself.
struct RouteAsk {
  bool read_only = false;  // what the tool's definition says; of what is not a tool: what the protocol says
  bool idempotent = false;
  std::string principal;
  std::string tool;
  std::string arguments;                 // as they are sent
  std::string preferred;                 // target; "" when none
  std::optional<std::string> hash;       // of `balance hash EXPR`
  std::optional<std::string> cache_key;  // names everything that the answer may depend on; "": do not cache
  /// The client's session with a server of the configuration, by its index; nullptr: it keeps none.
  std::function<std::shared_ptr<UpstreamSession>(uint32_t server)> session_with;
  /// Servers of the configuration that define the tool otherwise than the catalogue shows it, by index: they
  /// do not get the call.
  std::vector<uint32_t> unfit;
  /// Header lines with which this principal's calls go to servers of the configuration, by index; those of
  /// Lane::kReplica to replicas. Nobody gets another one's.
  std::vector<std::pair<uint32_t, std::string>> headers;
  RouteTrace trace;  // filled in while the call is on its way

  [[nodiscard]] std::string_view headers_for(uint32_t server) const {
    for (const auto& [index, lines] : headers) {
      if (index == server) {
        return lines;
      }
    }
    return {};
  }
};

}  // namespace catalyst::mcp
