#pragma once

#include <string>

#include "tests/unit/mcp/fakes.h"

namespace catalyst::mcp {

inline std::string id_in(const std::string& message) {
  constexpr std::string_view kKey = R"("taskId":")";
  const size_t at = message.find(kKey);
  return at == std::string::npos
             ? std::string()
             : message.substr(at + kKey.size(), message.find('"', at + kKey.size()) - at - kKey.size());
}

/// A request of a client of the old generation, in its session; answers what was sent.
inline std::string legacy(Gateway& gateway, const std::string& session, const std::string& method,
                          const std::string& params, const std::string& who = "") {
  FakeExchange exchange;
  exchange.who.id = who;
  exchange.headers["Mcp-Session-Id"] = session;
  exchange.text = R"({"jsonrpc":"2.0","id":5,"method":")" + method + R"(","params":)" + params + "}";
  gateway.run(exchange);
  return exchange.sent;
}

/// A request of a client of the new generation that takes tasks, and these `more` capabilities
/// ("\"roots\":{},").
inline FakeExchange modern_task(const std::string& method, const std::string& params, const std::string& name,
                                const std::string& more = "") {
  FakeExchange exchange = modern(method, params, name);
  const std::string none = R"("io.modelcontextprotocol/clientCapabilities":{})";
  exchange.text.replace(exchange.text.find(none), none.size(),
                        R"("io.modelcontextprotocol/clientCapabilities":{)" + more +
                            R"("extensions":{"io.modelcontextprotocol/tasks":{}}})");
  return exchange;
}

inline std::string modern_ask(Gateway& gateway, const std::string& method, const std::string& params,
                              const std::string& name, bool declared = true, const std::string& who = "") {
  FakeExchange exchange = declared ? modern_task(method, params, name) : modern(method, params, name);
  exchange.who.id = who;
  gateway.run(exchange);
  return exchange.sent;
}

}  // namespace catalyst::mcp
