#pragma once

#include <memory>
#include <string>

#include "tests/unit/mcp/fakes.h"

namespace catalyst::mcp {

/// A server with something of everything: tools "echo" and "b/c", a prompt, a resource and a template.
inline std::shared_ptr<FakeUpstream> fake(const std::string& name, Era era = Era::Legacy) {
  auto upstream = std::make_shared<FakeUpstream>(name, era);
  const std::string stamp =
      era == Era::Modern ? R"(,"resultType":"complete","ttlMs":5,"cacheScope":"public")" : "";
  upstream->answers = {
      {"tools/list",
       R"({"tools":[{"name":"echo","x-unknown":[1], "inputSchema":{"type":"object"}},{"name":"b\/c"}])" +
           stamp + "}"},
      {"prompts/list", R"({"prompts":[{"name":"greet"}])" + stamp + "}"},
      {"resources/list", R"({"resources":[{"uri":"test://)" + name + R"(/one","name":"one"}])" + stamp + "}"},
      {"resources/templates/list",
       R"({"resourceTemplates":[{"uriTemplate":"tpl://)" + name + R"(/{id}/x","name":"t"}])" + stamp + "}"},
      {"tools/call", R"({"content":[{"type":"text","text":"hi"}])" +
                         (era == Era::Modern ? R"(,"resultType":"complete"})" : std::string("}"))},
      {"prompts/get",
       R"({"messages":[])" + (era == Era::Modern ? R"(,"resultType":"complete"})" : std::string("}"))},
      {"resources/read", R"({"contents":[{"uri":"u","text":"t"}])" + stamp + "}"},
      {"completion/complete", R"({"completion":{"values":["a"]}})"},
      {"logging/setLevel", "{}"},
      {"resources/subscribe", "{}"},
      {"resources/unsubscribe", "{}"},
      {"vendor/thing", R"({"vendor":true})"},
  };
  return upstream;
}

/// Requests of a legacy client, with the id 5.
inline std::string call(const std::string& name, const std::string& arguments = "{}") {
  return R"({"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":")" + name + R"(","arguments":)" +
         arguments + "}}";
}

inline std::string request(const std::string& method, const std::string& params = "{}") {
  return R"({"jsonrpc":"2.0","id":5,"method":")" + method + R"(","params":)" + params + "}";
}

}  // namespace catalyst::mcp
