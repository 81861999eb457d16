#include <gtest/gtest.h>

#include "runtime/mcp/http_client.h"
#include "runtime/mcp/upstream_wire.h"
#include "server/http/path.h"

namespace catalyst::mcp {
namespace {

std::string request_of(std::string_view params, Era era, std::string_view progress_token = {}) {
  UpstreamCall call;
  call.method = "tools/call";
  call.params = params;
  call.progress_token = progress_token;
  std::string out;
  append_request(out, 7, call, era, GatewayIdentity{});
  return out;
}

constexpr std::string_view kHop =
    R"("io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"catalyst","version":"0.1.0"},"io.modelcontextprotocol/clientCapabilities":{})";

TEST(Wire, LegacyParamsPassByteForByte) {
  EXPECT_EQ(
      request_of(R"({ "name" : "x","arguments":{"a":[1, 2]}})", Era::Legacy),
      R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{ "name" : "x","arguments":{"a":[1, 2]}}})");
  EXPECT_EQ(request_of("", Era::Legacy), R"({"jsonrpc":"2.0","id":7,"method":"tools/call"})");
}

TEST(Wire, ModernGetsTheGatewaysMeta) {
  EXPECT_EQ(request_of(R"({"name":"x"})", Era::Modern),
            R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"_meta":{)" + std::string(kHop) +
                R"(},"name":"x"}})");
  EXPECT_EQ(
      request_of("{ }", Era::Modern),
      R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"_meta":{)" + std::string(kHop) + "} }}");
  EXPECT_EQ(
      request_of("", Era::Modern),
      R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"_meta":{)" + std::string(kHop) + "}}}");
}

TEST(Wire, HopKeysAreReplacedAndTheRestPasses) {
  const std::string params =
      R"({"name":"x","_meta":{"io.modelcontextprotocol/clientInfo":{"name":"them"},"progressToken":"abc","vendor/key":{"deep":1},"\u0069o.modelcontextprotocol/logLevel":"debug"},"other":2})";
  EXPECT_EQ(request_of(params, Era::Modern, "\"abc\""),
            R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x","_meta":{)" +
                std::string(kHop) + R"(,"progressToken":7,"vendor/key":{"deep":1}},"other":2}})");
  EXPECT_EQ(
      request_of(params, Era::Legacy),
      R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x","_meta":{"vendor/key":{"deep":1}},"other":2}})");
}

TEST(Wire, AnEscapedMetaKeyIsStillMeta) {
  EXPECT_EQ(
      request_of(R"({"\u005fmeta":{"io.modelcontextprotocol/clientCapabilities":{"sampling":{}}}})",
                 Era::Modern),
      R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"_meta":{)" + std::string(kHop) + "}}}");
}

TEST(Wire, ReadsMessages) {
  const auto response = read_wire_message(R"({"jsonrpc":"2.0","id":7,"result":{"x":1}})");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->kind, WireMessage::Kind::Response);
  EXPECT_EQ(response->payload, R"({"x":1})");
  EXPECT_EQ(own_id(response->id), 7U);
  const auto failure = read_wire_message(R"({"error":{"code":-32020,"message":"m"},"id":null})");
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->is_error);
  EXPECT_TRUE(is_modern_error(failure->payload));
  EXPECT_EQ(own_id(failure->id), std::nullopt);
  EXPECT_EQ(own_id("\"7\""), std::nullopt);
  for (const char* bad :
       {"", "[]", "1", R"({"id":1})", R"({"id":1,"result":{)", R"({"result":{}})",
        R"({"id":1,"method":"x","result":1})", R"({"id":1,"result":{a}})", R"({"id":1,"result":1} x)"}) {
    EXPECT_FALSE(read_wire_message(bad)) << bad;
  }
}

TEST(Wire, AnswersServerRequests) {
  const auto answer = [](std::string_view text) { return answer_server_request(*read_wire_message(text)); };
  EXPECT_EQ(answer(R"({"id":0,"method":"roots/list"})"), R"({"jsonrpc":"2.0","id":0,"result":{"roots":[]}})");
  EXPECT_EQ(answer(R"({"id":"p","method":"ping"})"), R"({"jsonrpc":"2.0","id":"p","result":{}})");
  EXPECT_NE(answer(R"({"id":1,"method":"sampling/createMessage"})").find("-32601"), std::string::npos);
}

TEST(Wire, ProgressTokenReturns) {
  EXPECT_EQ(
      restore_progress_token(
          R"({"method":"notifications/progress","params":{"progressToken":7,"progress":1}})", "\"abc\""),
      R"({"method":"notifications/progress","params":{"progressToken":"abc","progress":1}})");
}

TEST(Wire, GreetingOfBothEras) {
  const auto legacy = read_greeting(
      R"({"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"s"},"instructions":"a\nb"})",
      Era::Legacy);
  ASSERT_TRUE(legacy);
  EXPECT_EQ(legacy->protocol_version, "2025-06-18");
  EXPECT_EQ(legacy->capabilities, R"({"tools":{}})");
  EXPECT_EQ(legacy->instructions, "a\nb");
  EXPECT_FALSE(read_greeting(R"({"protocolVersion":"1999-01-01"})", Era::Legacy));
  EXPECT_FALSE(read_greeting(R"({"supportedVersions":["2030-01-01"]})", Era::Modern));
}

TEST(Url, SplitsAndRefuses) {
  const auto url = parse_http_url("https://[::1]:8443/mcp?x=1");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, "8443");
  EXPECT_EQ(url->authority, "[::1]:8443");
  EXPECT_EQ(url->target, "/mcp?x=1");
  EXPECT_EQ(parse_http_url("http://host")->target, "/");
  EXPECT_EQ(parse_http_url("http://host?q")->target, "/?q");
  EXPECT_EQ(parse_http_url("https://host")->port, "443");
  for (const char* bad :
       {"", "host", "ftp://host", "http://", "http://a b", "http://u:p@host", "http://host/#f",
        "http://host:99999", "http://host:", "http://host:x", "http://host\r\nX: y"}) {
    EXPECT_FALSE(parse_http_url(bad)) << bad;
  }
}

TEST(Path, Normalises) {
  std::string scratch;
  const auto path = [&](std::string_view target) { return server::normalise_path(target, scratch); };
  EXPECT_EQ(path("/mcp?x=/../"), "/mcp");
  EXPECT_EQ(path("//a/./b/../c//"), "/a/c");
  EXPECT_EQ(path("/a%62c"), "/abc");
  EXPECT_EQ(path("http://host/mcp"), "/mcp");
  EXPECT_EQ(path("http://host"), "/");
  EXPECT_EQ(path("/%2e%2e/a"), std::nullopt);
  for (const char* bad :
       {"", "mcp", "/..", "/a/../../b", "/%", "/%2", "/%zz", "/%00", "/a%2fb", "/a%5cb", "/a#b"}) {
    EXPECT_EQ(path(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace catalyst::mcp
