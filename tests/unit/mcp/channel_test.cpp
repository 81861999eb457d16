// Clients that stay connected, and those that go away.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "tests/unit/mcp/fake_server.h"

namespace catalyst::mcp {
namespace {

using testing::HasSubstr;

/// A principal whose texts say something else as soon as nobody keeps it.
std::shared_ptr<const decision::Principal> principal_in(std::string& texts) {
  auto* principal = new decision::Principal();
  principal->id = texts;
  return {principal, [&texts](const decision::Principal* gone) {
            texts.replace(0, texts.size(), texts.size(), '?');
            delete gone;
          }};
}

constexpr std::string_view kGreeting =
    R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05",)"
    R"("capabilities":{},"clientInfo":{"name":"t","version":"1"}}})";

/// Where an HTTP+SSE stream says that messages go; "" before it does.
std::string address_in(const FakeExchange& stream) {
  const size_t begin = stream.sent.find("sessionId=");
  return begin == std::string::npos ? std::string()
                                    : stream.sent.substr(begin, stream.sent.find('\n', begin) - begin);
}

TEST(Channel, KeepsWhoeverSpeaksOnItWithWhatTheTextsStandIn) {
  std::deque<std::string> texts;
  auto server = fake("one");
  server->delay_ms = 50;
  Gateway gateway({server});
  FakeExchange stream;
  stream.verb = "GET";
  stream.target = "/sse";
  stream.who.id = "ana";
  gateway.begin(stream);
  gateway.run_for(10);
  const std::string address = address_in(stream);
  ASSERT_FALSE(address.empty()) << stream.sent;
  for (const std::string& message : {std::string(kGreeting), call("one__echo")}) {
    auto post = std::make_unique<FakeExchange>();
    post->target = "/messages";
    post->asked = address;
    post->owned = principal_in(texts.emplace_back("ana"));
    post->text = message;
    gateway.run(*post);
    EXPECT_EQ(post->status, 202);
    post.reset();
    gateway.run_for(100);
  }
  ASSERT_GE(gateway.observer.kept.size(), 2U);
  EXPECT_EQ(gateway.observer.kept.back().method, "tools/call");
  EXPECT_EQ(gateway.observer.kept.back().principal, "ana");
  EXPECT_THAT(stream.sent, HasSubstr(R"("text":"hi")"));
  gateway.stop();
}

TEST(Channel, WhatComesBeforeTheGreetingIsAnsweredWaitsForIt) {
  auto server = fake("one");
  server->delay_ms = 50;
  Gateway gateway({server});
  FakeExchange stream;
  stream.verb = "GET";
  stream.target = "/sse";
  gateway.begin(stream);
  gateway.run_for(10);
  const std::string address = address_in(stream);
  ASSERT_FALSE(address.empty()) << stream.sent;
  for (const std::string& message :
       {std::string(kGreeting), std::string(R"({"jsonrpc":"2.0","method":"notifications/initialized"})"),
        call("one__echo")}) {
    FakeExchange post;
    post.target = "/messages";
    post.asked = address;
    post.text = message;
    gateway.run(post);
    EXPECT_EQ(post.status, 202);
  }
  gateway.run_for(300);
  EXPECT_THAT(stream.sent, HasSubstr(R"("text":"hi")"));
  EXPECT_THAT(stream.sent, testing::Not(HasSubstr("\"error\"")));
  gateway.stop();
}

TEST(Channel, AClientThatGoesAwayIsNoFailureOfAServer) {
  auto server = fake("one", Era::Modern);
  server->delay_ms = 5000;
  Gateway gateway({server});
  FakeExchange call = modern("tools/call", R"("name":"one__echo","arguments":{},)", "one__echo");
  gateway.begin(call);
  gateway.run_for(30);
  call.cut();
  gateway.run_for(30);
  EXPECT_TRUE(call.done);
  EXPECT_TRUE(server->cancelled);
  ASSERT_FALSE(gateway.observer.kept.empty());
  EXPECT_EQ(gateway.observer.kept.back().status, kCancelledStatus);
  EXPECT_THAT(gateway.observer.kept.back().failure, HasSubstr("client"));
}

}  // namespace
}  // namespace catalyst::mcp
