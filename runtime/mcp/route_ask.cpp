#include "runtime/mcp/route_ask.h"

#include "runtime/value/json_text.h"

namespace catalyst::mcp {

std::string_view text_of(CacheUse use) {
  switch (use) {
    case CacheUse::None:
      return "none";
    case CacheUse::Miss:
      return "miss";
    case CacheUse::Hit:
      return "hit";
    case CacheUse::Joined:
      return "joined";
  }
  return "";
}

std::string RouteTrace::json() const {
  const auto quoted = [](std::string_view text) { return value::json_string(text); };
  std::string out = R"({"route":)" + quoted(route);
  if (!attempts.empty()) {
    const RouteAttempt& last = attempts.back();
    out += R"(,"target":)" + quoted(last.target) + R"(,"why":)" + quoted(routing::text_of(last.reason)) +
           R"(,"attempts":[)";
    for (const RouteAttempt& attempt : attempts) {
      out += (&attempt == attempts.data() ? "" : ",") + (R"({"target":)" + quoted(attempt.target)) +
             R"(,"why":)" + quoted(routing::text_of(attempt.reason)) + R"(,"outcome":)" +
             quoted(routing::text_of(attempt.outcome)) + R"(,"breaker":)" +
             quoted(routing::text_of(attempt.breaker)) + R"(,"ms":)" + std::to_string(attempt.ms) +
             (attempt.hedge ? R"(,"hedge":true)" : "") + "}";
    }
    out += "]";
  }
  if (cache != CacheUse::None) {
    out += R"(,"cache":)" + quoted(text_of(cache));
  }
  for (const std::string& problem : problems) {
    out += (&problem == problems.data() ? R"(,"problems":[)" : ",") + quoted(problem);
  }
  out += problems.empty() ? "" : "]";
  out += budget_denied ? R"(,"budget_denied":true)" : "";
  out += shadowed ? R"(,"shadowed":true)" : "";
  return out + "}";
}

}  // namespace catalyst::mcp
