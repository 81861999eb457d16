#include "runtime/mcp/protocol.h"

#include <gtest/gtest.h>

#include <set>

#include "runtime/mcp/param_headers.h"
#include "runtime/mcp/trace.h"

namespace catalyst::mcp {
namespace {

Classification classified(const std::string& text, const ProtocolHeaders& headers) {
  Envelope envelope;
  EXPECT_FALSE(parse_envelope(text, {}, envelope)) << text;
  return classify(envelope, headers);
}

const std::string kClaim =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}})";

std::string message(const std::string& method, const std::string& params) {
  return R"({"jsonrpc":"2.0","id":1,"method":")" + method + R"(","params":{)" + params + "}}";
}

TEST(Protocol, TheBodyDecidesTheEraFirst) {
  EXPECT_EQ(classified(message("initialize", ""), {}).era, Era::Legacy);
  // Even under a modern header, initialize without a claim is a legacy client's.
  EXPECT_EQ(
      classified(message("initialize", ""), ProtocolHeaders{"2026-07-28", std::nullopt, std::nullopt}).era,
      Era::Legacy);
  EXPECT_FALSE(
      classified(message("initialize", ""), ProtocolHeaders{"2026-07-28", std::nullopt, std::nullopt})
          .rejection);
  EXPECT_EQ(
      classified(message("tools/list", ""), ProtocolHeaders{"2025-06-18", std::nullopt, std::nullopt}).era,
      Era::Legacy);
  EXPECT_EQ(classified(message("tools/list", ""), {}).era, Era::Legacy);
  const Classification modern =
      classified(message("tools/list", kClaim), ProtocolHeaders{"2026-07-28", "tools/list", std::nullopt});
  EXPECT_EQ(modern.era, Era::Modern);
  EXPECT_FALSE(modern.rejection);
  EXPECT_EQ(classified(R"({"jsonrpc":"2.0","method":"notifications/x"})",
                       ProtocolHeaders{"2026-07-28", std::nullopt, std::nullopt})
                .era,
            Era::Modern);
  EXPECT_EQ(classified(R"({"jsonrpc":"2.0","id":1,"result":{}})",
                       ProtocolHeaders{"2026-07-28", std::nullopt, std::nullopt})
                .era,
            Era::Legacy);
}

TEST(Protocol, RefusesWhatContradictsItself) {
  const auto code_of = [](const std::string& text, const ProtocolHeaders& headers) {
    const Classification c = classified(text, headers);
    return c.rejection ? c.rejection->code : 0;
  };
  EXPECT_EQ(code_of(message("tools/list", ""), ProtocolHeaders{"2026-07-28", std::nullopt, std::nullopt}),
            code::kInvalidParams);
  EXPECT_EQ(code_of(message("tools/list", ""), ProtocolHeaders{"1999-01-01", std::nullopt, std::nullopt}),
            code::kServerError);
  EXPECT_EQ(code_of(message("tools/list", kClaim), {}), code::kHeaderMismatch);
  EXPECT_EQ(code_of(message("tools/list", kClaim), ProtocolHeaders{"2025-11-25", "tools/list", std::nullopt}),
            code::kHeaderMismatch);
  EXPECT_EQ(code_of(message("tools/list", kClaim), ProtocolHeaders{"2026-07-28", std::nullopt, std::nullopt}),
            code::kHeaderMismatch);
  EXPECT_EQ(code_of(message("tools/list", kClaim), ProtocolHeaders{"2026-07-28", "Tools/list", std::nullopt}),
            code::kHeaderMismatch);
  const std::string no_capabilities =
      message("tools/list", R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"})");
  EXPECT_EQ(code_of(no_capabilities, ProtocolHeaders{"2026-07-28", "tools/list", std::nullopt}),
            code::kInvalidParams);
}

TEST(Protocol, ReadsNamesInHeaders) {
  EXPECT_EQ(decode_header_value("plain"), "plain");
  EXPECT_EQ(decode_header_value("=?base64?w6Q=?="), "\xC3\xA4");
  EXPECT_EQ(decode_header_value("=?base64?"
                                "?="),
            "");
  EXPECT_FALSE(decode_header_value("=?base64?w6?=").has_value());
  EXPECT_FALSE(decode_header_value("=?base64?w*Q=?=").has_value());
  const std::string call = message("tools/call", R"("name":"\u00e4",)" + kClaim);
  const auto headers = [](std::string_view name) {
    return ProtocolHeaders{"2026-07-28", "tools/call", name};
  };
  EXPECT_FALSE(classified(call, headers("=?base64?w6Q=?=")).rejection);
  EXPECT_TRUE(classified(call, headers("a")).rejection);
}

TEST(Protocol, WritesValuesInHeaders) {
  EXPECT_EQ(encode_header_value("plain text"), "plain text");
  for (const std::string text : {"\xC3\xA4", " edge", "a\r\nb", "=?base64?x?=", "a", "ab", "abc", ""}) {
    const std::string encoded = encode_header_value(text);
    EXPECT_EQ(decode_header_value(encoded), text);
    EXPECT_EQ(encoded.find_first_of("\r\n"), std::string::npos);
  }
}

TEST(ParamHeaders, AreReadFromSchemas) {
  const auto read = [](const std::string& properties) {
    return read_param_headers(R"({"name":"t","inputSchema":{"type":"object","properties":)" + properties +
                              "}}");
  };
  const auto found = read(
      R"({"a":{"type":"string","x-mcp-header":"Region"},"o":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}}})");
  ASSERT_TRUE(found && found->size() == 2);
  EXPECT_EQ((*found)[0].name, "Mcp-Param-Region");
  EXPECT_EQ((*found)[1].path, (std::vector<std::string>{"o", "n"}));
  EXPECT_EQ(param_header_value((*found)[0], R"({"a":"\u00e4"})"), "=?base64?w6Q=?=");
  EXPECT_EQ(param_header_value((*found)[1], R"({"o":{"n":42}})"), "42");
  EXPECT_FALSE(param_header_value((*found)[1], R"({"o":{"n":null}})"));
  EXPECT_TRUE(param_header_agrees((*found)[1], "42.0", R"({"o":{"n":42}})"));
  EXPECT_FALSE(param_header_agrees((*found)[1], "43", R"({"o":{"n":42}})"));
  EXPECT_FALSE(param_header_agrees((*found)[0], std::nullopt, R"({"a":"x"})"));
  EXPECT_TRUE(param_header_agrees((*found)[0], std::nullopt, "{}"));
  EXPECT_TRUE(read(R"({"a":{"type":"string","description":"about \"x-mcp-header\""}})")->empty());
  EXPECT_FALSE(read(R"({"a":{"type":"number","x-mcp-header":"A"}})"));
  EXPECT_FALSE(read(R"({"a":{"type":"string","x-mcp-header":"not a token"}})"));
  EXPECT_FALSE(
      read(R"({"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}})"));
  EXPECT_FALSE(read(R"({"a":{"anyOf":[{"type":"string","x-mcp-header":"A"}]}})"));
}

TEST(Protocol, AllowsOnlyNamedHosts) {
  const std::vector<std::string> local = {"localhost", "127.0.0.1", "[::1]"};
  EXPECT_TRUE(is_allowed_host("localhost", local));
  EXPECT_TRUE(is_allowed_host("LOCALHOST:8080", local));
  EXPECT_TRUE(is_allowed_host("[::1]:8080", local));
  EXPECT_FALSE(is_allowed_host("", local));
  EXPECT_FALSE(is_allowed_host("localhost.evil.example", local));
  EXPECT_FALSE(is_allowed_host("evil.example:80", local));
  EXPECT_TRUE(is_allowed_host("evil.example", std::vector<std::string>{"*"}));
  EXPECT_TRUE(is_allowed_origin("http://localhost:3000", local));
  EXPECT_FALSE(is_allowed_origin("http://localhost.evil.example", local));
  EXPECT_FALSE(is_allowed_origin("null", local));
  EXPECT_TRUE(is_allowed_origin("https://app.example", std::vector<std::string>{"https://app.example"}));
  EXPECT_FALSE(is_allowed_origin("https://app.example:1", std::vector<std::string>{"https://app.example"}));
}

TEST(Trace, AcceptsAndMakesTraceparents) {
  EXPECT_TRUE(is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
  EXPECT_FALSE(is_traceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
  EXPECT_FALSE(is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x"));
  EXPECT_FALSE(is_traceparent("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
  EXPECT_FALSE(is_traceparent(""));
  EXPECT_TRUE(is_traceparent(make_traceparent()));
  EXPECT_NE(make_traceparent(), make_traceparent());
  std::set<char> digits[55];  // at each place
  for (int i = 0; i < 500; ++i) {
    const std::string trace = make_traceparent();
    ASSERT_TRUE(is_traceparent(trace)) << trace;
    for (size_t at = 0; at < trace.size(); ++at) {
      digits[at].insert(trace[at]);
    }
  }
  for (const size_t at : {3u, 10u, 18u, 19u, 33u, 36u, 50u}) {
    EXPECT_EQ(std::string(digits[at].begin(), digits[at].end()), "0123456789abcdef") << at;
  }
}

}  // namespace
}  // namespace catalyst::mcp
