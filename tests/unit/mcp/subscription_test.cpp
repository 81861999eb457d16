#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/unit/mcp/fake_server.h"

namespace catalyst::mcp {
namespace {

using ::testing::HasSubstr;

TEST(Subscription, IsRepeatedToAServerThatCameBack) {
  auto one = fake("one");
  Gateway gateway({one});
  const std::string session = gateway.open();
  EXPECT_THAT(gateway.ask(session, request("resources/subscribe", R"({"uri":"test://one/one"})")),
              HasSubstr("result"));
  gateway.ask(session, request("logging/setLevel", R"({"level":"warning"})"));
  one->reconnect();
  one->seen.clear();
  gateway.run_for(1'200);
  const auto heard = [&](const std::string& method, const std::string& params) {
    return std::any_of(one->seen.begin(), one->seen.end(),
                       [&](const auto& s) { return s.method == method && s.params == params; });
  };
  EXPECT_TRUE(heard("resources/subscribe", R"({"uri":"test://one/one"})"));
  EXPECT_TRUE(heard("logging/setLevel", R"({"level":"warning"})"));
  // The last watcher leaves: the server need not report any more.
  FakeExchange end;
  end.verb = "DELETE";
  end.headers["Mcp-Session-Id"] = session;
  gateway.run(end);
  gateway.run_for(20);
  EXPECT_TRUE(heard("resources/unsubscribe", R"({"uri":"test://one/one"})"));
}

}  // namespace
}  // namespace catalyst::mcp
