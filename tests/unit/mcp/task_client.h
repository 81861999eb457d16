#pragma once

#include <string>

#include "tests/unit/decision/module_maker.h"
#include "tests/unit/mcp/fakes.h"

namespace catalyst::mcp {

/// Rules that mask mail addresses in results.
inline std::shared_ptr<const decision::Pack> masking(test::ModuleMaker& make) {
  make.module().redactions.push_back({"mail", "[a-z]+@[a-z.]+", {}});
  ir::Effect redact{.kind = ir::EffectKind::Redact,
                    .span = {},
                    .target = {},
                    .path = {},
                    .value = {},
                    .redactions = {0},
                    .audit_level = 0,
                    .tag = {},
                    .role = {}};
  make.effect("mask", abi::Hook::Result, {}, redact);
  return make.pack();
}

inline std::string id_in(const std::string& message) {
  constexpr std::string_view kKey = R"("taskId":")";
  const size_t at = message.find(kKey);
  return at == std::string::npos
             ? std::string()
             : message.substr(at + kKey.size(), message.find('"', at + kKey.size()) - at - kKey.size());
}

/// The id, JSON text, of the question on a client's stream.
inline std::string question_id(const std::string& stream) {
  const size_t at = stream.find(R"("method":"elicitation/create")");
  const size_t begin = at == std::string::npos ? at : stream.rfind(R"("id":)", at);
  return begin == std::string::npos ? "null" : stream.substr(begin + 5, stream.find(',', begin) - begin - 5);
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
