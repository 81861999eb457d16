#include "runtime/mcp/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/mcp/channel_ends.h"
#include "tests/unit/mcp/fake_server.h"

namespace catalyst::mcp {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Endpoint, FederatesToolsUnderPrefixedNames) {
  auto one = fake("one");
  auto two = fake("two");
  Gateway gateway({one, two});
  const std::string session = gateway.open();
  // A sealed record, in characters that a header takes.
  ASSERT_EQ(session.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
  ASSERT_GE(session.size(), 64U);
  EXPECT_EQ(
      gateway.ask(session, request("tools/list")),
      R"({"jsonrpc":"2.0","id":5,"result":{"tools":[)"
      R"({"name":"one__echo","x-unknown":[1], "inputSchema":{"type":"object"}},{"name":"one__b/c"},)"
      R"({"name":"two__echo","x-unknown":[1], "inputSchema":{"type":"object"}},{"name":"two__b/c"}]}})");
  EXPECT_EQ(gateway.ask(session, call("two__echo", R"({"a":1, "b":"x"})")),
            R"({"jsonrpc":"2.0","id":5,"result":{"content":[{"type":"text","text":"hi"}]}})");
  EXPECT_EQ(two->seen.back().params, R"({"name":"echo","arguments":{"a":1, "b":"x"}})");
  EXPECT_EQ(two->seen.back().name, "echo");
  EXPECT_THAT(gateway.ask(session, call("echo")),
              HasSubstr(R"("error":{"code":-32602,"message":"Unknown tool: echo"})"));
  EXPECT_EQ(gateway.observer.kept.back().error, -32602);
}

TEST(Endpoint, ServesOneServerUnderItsOwnNames) {
  auto one = fake("one");
  Gateway gateway({one, fake("two")});
  const std::string session = gateway.open("/mcp/one");
  EXPECT_THAT(gateway.ask(session, request("tools/list"), "/mcp/one"),
              HasSubstr(R"("tools":[{"name":"echo","x-unknown":[1], )"));
  const std::string body = call("echo", R"({ "odd" : "spacing" })");
  EXPECT_THAT(gateway.ask(session, body, "/mcp/one"), HasSubstr("hi"));
  EXPECT_EQ(one->seen.back().params, R"({"name":"echo","arguments":{ "odd" : "spacing" }})");
  EXPECT_THAT(gateway.ask(session, request("vendor/thing"), "/mcp/one"),
              HasSubstr(R"("result":{"vendor":true})"));
  EXPECT_THAT(gateway.ask(session, request("tasks/list"), "/mcp/one"), HasSubstr("-32601"));
  // A session belongs to the endpoint that opened it.
  EXPECT_THAT(gateway.ask(session, request("ping")), HasSubstr("Session not found"));
  FakeExchange other;
  other.target = "/mcp/none";
  gateway.run(other);
  EXPECT_EQ(other.status, 404);
}

TEST(Endpoint, AMessageForAllServersBringsEachItsOwnCredentials) {
  auto one = fake("one");
  auto two = fake("two");
  for (const auto& server : {one, two}) {
    server->answers["logging/setLevel"] = "{}";
  }
  EndpointOptions options;
  options.authorize = [](const HttpExchange&, std::string_view server) -> Task<Result<std::string>> {
    co_return "Authorization: for " + std::string(server) + "\r\n";
  };
  Gateway gateway({one, two}, empty_pack(), options);
  const std::string session = gateway.open();
  gateway.ask(session, R"({"jsonrpc":"2.0","id":5,"method":"logging/setLevel","params":{"level":"debug"}})");
  for (const auto& server : {one, two}) {
    ASSERT_EQ(server->seen.back().method, "logging/setLevel");
    EXPECT_EQ(server->seen.back().extra_headers, "Authorization: for " + server->name() + "\r\n");
  }
}

TEST(Endpoint, AStreamEndsWhenItsClientWouldNotBeLetInAnyMore) {
  EndpointOptions options;
  options.channels.admission_ms = 20;
  Gateway gateway({fake("one"), fake("two", Era::Modern)}, empty_pack(), options);
  FakeExchange events;
  events.verb = "GET";
  events.headers["Mcp-Session-Id"] = gateway.open();
  events.headers["Accept"] = "text/event-stream";
  FakeExchange listening = modern("subscriptions/listen", R"("notifications":{"toolsListChanged":true},)");
  FakeExchange old;
  old.verb = "GET";
  old.target = "/sse";
  old.headers["Accept"] = "text/event-stream";
  for (FakeExchange* exchange : {&events, &listening, &old}) {
    gateway.begin(*exchange);
  }
  gateway.run_for(100);
  for (FakeExchange* exchange : {&events, &listening, &old}) {
    EXPECT_TRUE(exchange->streaming);
    EXPECT_FALSE(exchange->done) << "while it is let in";
    exchange->admitted = false;
  }
  gateway.run_for(100);
  for (FakeExchange* exchange : {&events, &listening, &old}) {
    EXPECT_TRUE(exchange->done);
  }
  EXPECT_THAT(listening.sent, HasSubstr(R"("resultType":"complete")"));
  EXPECT_EQ(gateway.endpoint.sse_ends().of(ChannelEnd::NotAdmitted), 1U);
}

TEST(Endpoint, UnknownMethodsStopAtTheFederation) {
  Gateway gateway({fake("one")});
  const std::string session = gateway.open();
  EXPECT_THAT(gateway.ask(session, request("vendor/thing")), HasSubstr(R"("code":-32601)"));
}

TEST(Endpoint, NegotiatesLegacyRevisions) {
  Gateway gateway({fake("one")});
  for (const std::string version : {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}) {
    FakeExchange exchange;
    exchange.text =
        R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" + version + R"("}})";
    gateway.run(exchange);
    EXPECT_THAT(exchange.sent, HasSubstr(R"("protocolVersion":")" + version + "\""));
  }
  FakeExchange exchange;
  exchange.text =
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2026-07-28"}})";
  gateway.run(exchange);
  EXPECT_EQ(exchange.status, 200);
  EXPECT_THAT(exchange.sent, HasSubstr(R"("protocolVersion":"2025-11-25")"));
}

TEST(Endpoint, SessionsAreRequiredAndBound) {
  Gateway gateway({fake("one")});
  const std::string session = gateway.open();
  FakeExchange none;
  none.text = request("ping");
  gateway.run(none);
  EXPECT_EQ(none.status, 400);
  FakeExchange stranger;
  stranger.headers["Mcp-Session-Id"] = session;
  stranger.who.id = "mallory";
  stranger.text = request("ping");
  gateway.run(stranger);
  EXPECT_EQ(stranger.status, 404);
  EXPECT_THAT(gateway.ask(session, request("ping")), HasSubstr(R"("result":{})"));
  FakeExchange end;
  end.verb = "DELETE";
  end.headers["Mcp-Session-Id"] = session;
  gateway.run(end);
  EXPECT_EQ(end.status, 200);
  EXPECT_THAT(gateway.ask(session, request("ping")), HasSubstr("Session not found"));
  EXPECT_EQ(gateway.endpoint.session_count(), 0U);
}

TEST(Endpoint, RefusesForeignHostsAndOrigins) {
  Gateway gateway({fake("one")});
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"Host", "evil.example"}, {"Origin", "http://evil.example"}}) {
    FakeExchange exchange;
    exchange.headers[name] = value;
    exchange.text = request("initialize");
    gateway.run(exchange);
    EXPECT_EQ(exchange.status, 403) << name;
  }
  FakeExchange local;
  local.headers["Host"] = "localhost:8080";
  local.headers["Origin"] = "http://localhost:6274";
  local.text = request("initialize");
  gateway.run(local);
  EXPECT_EQ(local.status, 200);
}

TEST(Endpoint, ModernClientOnLegacyServer) {
  auto one = fake("one");
  Gateway gateway({one});
  FakeExchange discover = modern("server/discover");
  gateway.run(discover);
  EXPECT_EQ(discover.status, 200);
  EXPECT_THAT(discover.sent, HasSubstr(R"("supportedVersions":["2026-07-28"])"));
  EXPECT_THAT(
      discover.sent,
      HasSubstr(
          R"("resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":)"));
  FakeExchange list = modern("tools/list");
  gateway.run(list);
  EXPECT_THAT(list.sent, HasSubstr(R"(one__b/c"}],"resultType":"complete","ttlMs":0)"));
  FakeExchange called =
      modern("tools/call", R"("name":"one__echo","arguments":{"a":1},)", "one__echo", R"("keep":1,)");
  gateway.run(called);
  EXPECT_THAT(
      called.sent,
      HasSubstr(
          R"({"jsonrpc":"2.0","id":"m1","result":{"content":[{"type":"text","text":"hi"}],"resultType":"complete","_meta":{)"));
  EXPECT_EQ(one->seen.back().params, R"({"name":"echo","arguments":{"a":1},"_meta":{"keep":1}})");
  FakeExchange read = modern("resources/read", R"("uri":"test://one/one",)", "test://one/one");
  gateway.run(read);
  EXPECT_THAT(read.sent, HasSubstr(R"("ttlMs":0,"cacheScope":"private")"));
  one->answers["resources/read"] = R"(!{"code":-32002,"message":"nope"})";
  FakeExchange gone = modern("resources/read", R"("uri":"tpl://one/7/x",)", "tpl://one/7/x");
  gateway.run(gone);
  EXPECT_EQ(gone.status, 200);
  EXPECT_THAT(gone.sent,
              HasSubstr(R"("error":{"code":-32602,"message":"nope","data":{"uri":"tpl://one/7/x"}})"));
}

TEST(Endpoint, LegacyClientOnModernServer) {
  auto one = fake("one", Era::Modern);
  Gateway gateway({one});
  const std::string session = gateway.open();
  EXPECT_EQ(gateway.ask(session, call("one__echo")),
            R"({"jsonrpc":"2.0","id":5,"result":{"content":[{"type":"text","text":"hi"}]}})");
  EXPECT_THAT(gateway.ask(session, request("resources/read", R"({"uri":"test://one/one"})")),
              Not(HasSubstr("cacheScope")));
  one->answers["tools/call"] = R"({"resultType":"input_required","inputRequests":{}})";
  EXPECT_THAT(gateway.ask(session, call("one__echo")), HasSubstr(R"("code":-32603)"));
  one->answers["resources/read"] = R"(!{"code":-32602,"message":"nope"})";
  EXPECT_THAT(gateway.ask(session, request("resources/read", R"({"uri":"test://one/one"})")),
              HasSubstr(R"("code":-32002)"));
}

TEST(Endpoint, ModernRulesOfTheWire) {
  Gateway gateway({fake("one")});
  const auto status = [&](FakeExchange exchange, const std::string& code) {
    gateway.run(exchange);
    EXPECT_THAT(exchange.sent, HasSubstr("\"code\":" + code)) << exchange.sent;
    EXPECT_THAT(exchange.sent, HasSubstr(R"("id":"m1")"));
    return exchange.status;
  };
  for (const std::string method :
       {"ping", "initialize", "logging/setLevel", "resources/subscribe", "no/such"}) {
    EXPECT_EQ(status(modern(method), "-32601"), 404) << method;
  }
  FakeExchange wrong_method = modern("tools/list");
  wrong_method.headers["Mcp-Method"] = "tools/call";
  EXPECT_EQ(status(wrong_method, "-32020"), 400);
  FakeExchange no_version = modern("tools/list");
  no_version.headers.erase("MCP-Protocol-Version");
  EXPECT_EQ(status(no_version, "-32020"), 400);
  EXPECT_EQ(status(modern("tools/call", R"("name":"x",)", "y"), "-32020"), 400);
  EXPECT_EQ(status(modern("tools/call", R"("name":"x",)", ""), "-32020"), 400);
  EXPECT_EQ(status(modern("tools/call", R"("name":"x",)", "=?base64?eA==?="), "-32602"), 200);
  FakeExchange unknown_version = modern("tools/list");
  unknown_version.headers["MCP-Protocol-Version"] = "2099-01-01";
  const size_t at = unknown_version.text.find("2026-07-28");
  unknown_version.text.replace(at, 10, "2099-01-01");
  EXPECT_EQ(status(unknown_version, "-32022"), 400);
  FakeExchange no_claim = modern("tools/list");
  no_claim.text = R"({"jsonrpc":"2.0","id":"m1","method":"tools/list"})";
  EXPECT_EQ(status(no_claim, "-32602"), 400);
  FakeExchange get = modern("tools/list");
  get.verb = "GET";
  gateway.run(get);
  EXPECT_EQ(get.status, 405);
}

TEST(Endpoint, StreamsOnlyWhenSomethingPrecedesTheReply) {
  auto one = fake("one");
  one->notifications = {
      R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}})",
      "{\"jsonrpc\":\"2.0\",\n\"method\":\"notifications/"
      "message\",\"params\":{\"level\":\"info\",\"data\":1}}"};
  Gateway gateway({one});
  const std::string session = gateway.open();
  FakeExchange exchange;
  exchange.headers["Mcp-Session-Id"] = session;
  exchange.text =
      R"({"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"one__echo","_meta":{"progressToken":"p"}}})";
  gateway.run(exchange);
  EXPECT_TRUE(exchange.streaming);
  EXPECT_TRUE(exchange.ended);
  EXPECT_THAT(
      exchange.sent,
      StartsWith(
          "id: 1-0\nretry: 1000\ndata: \n\n"
          "id: 1-1\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\""));
  EXPECT_THAT(exchange.sent, HasSubstr("data: {\"jsonrpc\":\"2.0\", \"method\":\"notifications/message\""));
  EXPECT_THAT(exchange.sent, HasSubstr("data: {\"jsonrpc\":\"2.0\",\"id\":5,\"result\""));
  // A session that wants errors only gets no info; without a progress token nothing is left to stream.
  EXPECT_THAT(gateway.ask(session, request("logging/setLevel", R"({"level":"error"})")),
              HasSubstr(R"("result":{})"));
  EXPECT_EQ(one->seen.back().params, R"({"level":"error"})");
  EXPECT_THAT(gateway.ask(session, call("one__echo")), StartsWith("{"));
  // A modern client gets log messages only when it asks for them.
  FakeExchange quiet = modern("tools/call", R"("name":"one__echo",)", "one__echo");
  gateway.run(quiet);
  EXPECT_FALSE(quiet.streaming);
  FakeExchange loud = modern("tools/call", R"("name":"one__echo",)", "one__echo",
                             R"("io.modelcontextprotocol/logLevel":"info",)");
  gateway.run(loud);
  EXPECT_TRUE(loud.streaming);
  EXPECT_THAT(loud.sent, Not(HasSubstr("notifications/progress")));
  EXPECT_THAT(loud.sent, HasSubstr("resultType"));
}

TEST(Endpoint, AnswersEventStreamToWhoReadsNothingElse) {
  Gateway gateway({fake("one")});
  FakeExchange exchange = modern("tools/list");
  exchange.headers["Accept"] = "text/event-stream";
  gateway.run(exchange);
  EXPECT_EQ(exchange.sent_headers["Content-Type"], "text/event-stream");
  EXPECT_THAT(exchange.sent, StartsWith("event: message\ndata: {"));
}

TEST(Endpoint, CancelsExactlyTheCallThatIsNamed) {
  auto one = fake("one");
  one->delay_ms = 2'000;
  Gateway gateway({one});
  const std::string session = gateway.open();
  FakeExchange slow;
  slow.headers["Mcp-Session-Id"] = session;
  slow.text = call("one__echo");
  gateway.begin(slow);
  gateway.run_for(20);
  gateway.ask(session, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":6}})");
  gateway.run_for(20);
  EXPECT_FALSE(slow.done);
  gateway.ask(session, R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}})");
  gateway.run_for(20);
  EXPECT_TRUE(slow.done);
  EXPECT_TRUE(one->cancelled);
  EXPECT_EQ(slow.sent, "");
  EXPECT_EQ(gateway.observer.kept.back().status, 499);
}

TEST(Endpoint, HangingUpCancelsAModernCallOnly) {
  auto one = fake("one");
  one->delay_ms = 60;
  Gateway gateway({one});
  FakeExchange call_modern = modern("tools/call", R"("name":"one__echo",)", "one__echo");
  gateway.begin(call_modern);
  gateway.run_for(10);
  call_modern.signal->emit(asio::cancellation_type::terminal);
  gateway.run_for(10);
  EXPECT_TRUE(call_modern.done);
  EXPECT_TRUE(one->cancelled);

  const std::string session = gateway.open();
  FakeExchange call_legacy;
  call_legacy.headers["Mcp-Session-Id"] = session;
  call_legacy.text = call("one__echo");
  gateway.begin(call_legacy);
  gateway.run_for(10);
  call_legacy.signal->emit(asio::cancellation_type::terminal);
  gateway.run_for(100);
  EXPECT_TRUE(call_legacy.done);
  EXPECT_FALSE(one->cancelled);
}

TEST(Endpoint, ADeadServerCostsTheOthersNothing) {
  auto dead = fake("dead");
  dead->up = false;
  Gateway gateway({dead, fake("alive")});
  const std::string session = gateway.open();
  const std::string list = gateway.ask(session, request("tools/list"));
  EXPECT_THAT(list, HasSubstr("alive__echo"));
  EXPECT_THAT(list, Not(HasSubstr("dead__")));
  EXPECT_FALSE(gateway.endpoint.servers()[0].listed);
  EXPECT_THAT(gateway.endpoint.servers()[0].error, HasSubstr("refused"));
  dead->up = true;
  gateway.run_for(400);
  EXPECT_THAT(gateway.ask(session, request("tools/list")), HasSubstr("dead__echo"));
  dead->up = false;
  const std::string answer = gateway.ask(session, call("dead__echo"));
  EXPECT_THAT(answer, HasSubstr(R"("code":-32603,"message":"Server \"dead\" gave no answer.")"));
}

TEST(Endpoint, FollowsAllPagesAndReloadsOnChange) {
  auto one = fake("one");
  Gateway gateway({one});
  const std::string session = gateway.open();
  FakeExchange stream;
  stream.verb = "GET";
  stream.headers["Mcp-Session-Id"] = session;
  gateway.begin(stream);
  FakeExchange second;
  second.verb = "GET";
  second.headers["Mcp-Session-Id"] = session;
  gateway.run(second);
  EXPECT_EQ(second.status, 409);
  FakeExchange listen = modern(
      "subscriptions/listen",
      R"("notifications":{"toolsListChanged":true,"resourceSubscriptions":["test://one/one","no://where"]},)");
  gateway.begin(listen);
  gateway.run_for(20);
  EXPECT_THAT(
      listen.sent,
      HasSubstr(
          R"("method":"notifications/subscriptions/acknowledged","params":{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["test://one/one"]},"_meta":{"io.modelcontextprotocol/subscriptionId":"m1"}})"));
  one->answers["tools/list"] = R"({"tools":[{"name":"fresh"}]})";
  one->event("notifications/tools/list_changed", "{}");
  gateway.run_for(60);
  EXPECT_THAT(stream.sent, HasSubstr(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})"));
  EXPECT_THAT(
      listen.sent,
      HasSubstr(
          R"("method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"m1"}})"));
  EXPECT_THAT(gateway.ask(session, request("tools/list")), HasSubstr(R"("tools":[{"name":"one__fresh"}])"));
  one->event(
      "notifications/resources/updated",
      R"({"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://one/one"}})");
  gateway.run_for(20);
  EXPECT_THAT(
      listen.sent,
      HasSubstr(R"("method":"notifications/resources/updated","params":{"uri":"test://one/one","_meta":)"));
  EXPECT_THAT(stream.sent, Not(HasSubstr("resources/updated")));
  gateway.stop();
  EXPECT_TRUE(stream.done && stream.ended);
  EXPECT_TRUE(listen.done && listen.ended);
  EXPECT_THAT(listen.sent, HasSubstr(R"("id":"m1","result":{"resultType":"complete","_meta":)"));
}

TEST(Endpoint, RoutesResourcesPromptsAndCompletions) {
  auto one = fake("one");
  auto two = fake("two");
  Gateway gateway({one, two});
  const std::string session = gateway.open();
  gateway.ask(session, request("resources/read", R"({"uri":"test://two/one"})"));
  EXPECT_EQ(two->seen.back().params, R"({"uri":"test://two/one"})");
  gateway.ask(session, request("resources/read", R"({"uri":"tpl://two/9/x"})"));
  EXPECT_EQ(two->seen.back().params, R"({"uri":"tpl://two/9/x"})");
  one->answers["resources/read"] = R"(!{"code":-32002,"message":"nope"})";
  EXPECT_THAT(gateway.ask(session, request("resources/read", R"({"uri":"else://where"})")),
              HasSubstr("contents"));
  two->answers["resources/read"] = R"(!{"code":-32002,"message":"nope"})";
  EXPECT_THAT(gateway.ask(session, request("resources/read", R"({"uri":"else://where"})")),
              HasSubstr(R"("code":-32002)"));
  EXPECT_THAT(gateway.ask(session, request("prompts/list")), HasSubstr(R"({"name":"two__greet"})"));
  gateway.ask(session, request("prompts/get", R"({"name":"two__greet","arguments":{}})"));
  EXPECT_EQ(two->seen.back().params, R"({"name":"greet","arguments":{}})");
  gateway.ask(
      session,
      request("completion/complete",
              R"({"ref":{"type":"ref/prompt","name":"two__greet"},"argument":{"name":"a","value":""}})"));
  EXPECT_EQ(two->seen.back().params,
            R"({"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"a","value":""}})");
  EXPECT_THAT(gateway.ask(session, request("tools/list", R"({"cursor":"zzz"})")), HasSubstr("-32602"));
}

TEST(Endpoint, ServesLegacyBatches) {
  Gateway gateway({fake("one")});
  const std::string session = gateway.open("/mcp", "2025-03-26");
  const std::string answer = gateway.ask(
      session, "[" + request("ping") + R"(,{"jsonrpc":"2.0","method":"notifications/initialized"},)" +
                   call("one__echo") + "]");
  EXPECT_THAT(
      answer,
      StartsWith(R"([{"jsonrpc":"2.0","id":5,"result":{}},{"jsonrpc":"2.0","id":5,"result":{"content")"));
  EXPECT_THAT(gateway.ask(session, "[]"), HasSubstr("-32600"));
  EXPECT_THAT(gateway.ask(session, "[" + modern("tools/list").text + "]"), HasSubstr("-32600"));
}

TEST(Endpoint, RepeatsArgumentsInHeadersForModernServers) {
  auto one = fake("one", Era::Modern);
  one->answers["tools/list"] =
      R"({"tools":[{"name":"echo","inputSchema":{"type":"object","properties":{"r":{"type":"string","x-mcp-header":"R"}}}},)"
      R"({"name":"bad","inputSchema":{"type":"object","properties":{"r":{"type":"array","x-mcp-header":"R"}}}}]})";
  Gateway gateway({one});
  const std::string session = gateway.open();
  EXPECT_THAT(gateway.ask(session, request("tools/list")), Not(HasSubstr("one__bad")));
  gateway.ask(session, call("one__echo", R"({"r":"eu"})"));
  EXPECT_EQ(one->seen.back().extra_headers, "Mcp-Param-R: eu\r\n");
  FakeExchange wrong = modern("tools/call", R"("name":"one__echo","arguments":{"r":"eu"},)", "one__echo");
  wrong.headers["Mcp-Param-R"] = "us";
  gateway.run(wrong);
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.sent, HasSubstr("-32020"));
  FakeExchange right = modern("tools/call", R"("name":"one__echo","arguments":{"r":"eu"},)", "one__echo");
  right.headers["Mcp-Param-R"] = "eu";
  right.headers["Mcp-Param-Other"] = "1";
  gateway.run(right);
  EXPECT_EQ(right.status, 200);
  EXPECT_EQ(one->seen.back().extra_headers, "Mcp-Param-R: eu\r\nMcp-Param-Other: 1\r\n");
}

TEST(Endpoint, LeavesTasksOut) {
  auto one = fake("one");
  Gateway gateway({one});
  const std::string session = gateway.open();
  gateway.ask(session, request("tools/call", R"({"name":"one__echo","task":{"ttl":1},"arguments":{}})"));
  EXPECT_EQ(one->seen.back().params, R"({"name":"echo","arguments":{}})");
}

}  // namespace
}  // namespace catalyst::mcp
