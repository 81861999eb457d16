#include "runtime/mcp/envelope.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "runtime/base/folded.h"
#include "runtime/mcp/json_reader.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

int code_of(std::string_view text) {
  Envelope envelope;
  return parse_envelope(text, {}, envelope).code;
}

TEST(Envelope, ReadsAToolCallInPlace) {
  const std::string text =
      R"({"jsonrpc": "2.0", "id": 7, "method":"tools/call", "params":{"name":"echo","arguments":{"a":[1,2]},"_meta":{"progressToken":"p",)"
      R"("io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"x","version":"1"},)"
      R"("io.modelcontextprotocol/clientCapabilities":{},"traceparent":"tp"}}})";
  Envelope envelope;
  ASSERT_FALSE(parse_envelope(text, {}, envelope));
  EXPECT_EQ(envelope.kind, MessageKind::Request);
  EXPECT_EQ(envelope.id_json, "7");
  EXPECT_EQ(envelope.method, "tools/call");
  EXPECT_EQ(envelope.name, "echo");
  EXPECT_EQ(envelope.name_json, "\"echo\"");
  EXPECT_EQ(envelope.arguments_json, R"({"a":[1,2]})");
  EXPECT_EQ(envelope.meta.progress_token_json, "\"p\"");
  EXPECT_EQ(envelope.meta.protocol_version, "2026-07-28");
  EXPECT_EQ(envelope.meta.client_name, "x");
  EXPECT_EQ(envelope.meta.client_capabilities_json, "{}");
  EXPECT_EQ(envelope.meta.traceparent, "tp");
  EXPECT_TRUE(envelope.params_json.starts_with(R"({"name")"));
  EXPECT_TRUE(envelope.params_json.ends_with("}}"));
  EXPECT_GE(envelope.params_json.data(), text.data());
}

TEST(Envelope, UnderstandsEscapedText) {
  Envelope envelope;
  ASSERT_FALSE(parse_envelope(
      R"({"jsonrpc":"2.0","id":"a","m\u0065thod":"tools\/call","params":{"name":"\u0065cho"}})", {},
      envelope));
  EXPECT_EQ(envelope.method, "tools/call");
  EXPECT_EQ(envelope.name, "echo");
  EXPECT_EQ(envelope.name_json, R"("\u0065cho")");
}

TEST(Envelope, TellsKindsApart) {
  Envelope envelope;
  ASSERT_FALSE(parse_envelope(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", {}, envelope));
  EXPECT_EQ(envelope.kind, MessageKind::Notification);
  ASSERT_FALSE(parse_envelope(R"({"jsonrpc":"2.0","id":1,"result":{}})", {}, envelope));
  EXPECT_EQ(envelope.kind, MessageKind::Response);
}

TEST(Envelope, RefusesWhatIsNoMessage) {
  EXPECT_EQ(code_of(""), -32700);
  EXPECT_EQ(code_of("  "), -32700);
  EXPECT_EQ(code_of("{"), -32700);
  EXPECT_EQ(code_of("nul"), -32700);
  EXPECT_EQ(code_of("\xff\xfe"), -32700);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a"}x)"), -32700);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a"} {})"), -32700);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"x":tru}})"), -32700);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"x":[1}}})"), -32700);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"x":01}})"), -32700);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"x":"\q"}})"), -32700);
  EXPECT_EQ(code_of("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\nb\"}"), -32700);
  EXPECT_EQ(code_of("3"), -32600);
  EXPECT_EQ(code_of("[]"), -32600);
  EXPECT_EQ(code_of(R"({"id":1,"method":"a"})"), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":null,"method":"a"})"), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":{},"method":"a"})"), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":3})"), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":[1]})"), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","result":{}})"), -32600);
}

TEST(Envelope, RefusesKeysThatAreThereTwice) {
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","method":"b"})"), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"x","name":"y"}})"), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":{"env":1,"\u0065nv":2}}})"),
            -32600);
  std::string many = R"({"jsonrpc":"2.0","id":1,"method":"a","params":{)";
  for (int i = 0; i < 100; ++i) {
    many += "\"key" + std::to_string(i) + "\":{},";
  }
  EXPECT_EQ(code_of(many + R"("last":1}})"), 0);
  EXPECT_EQ(code_of(many + R"("key50":1}})"), -32600);
}

/// A key of `length` bytes, one of few, in letters of either case.
std::string some_key(std::mt19937& random, size_t length) {
  std::string out(length, 'x');
  for (char& c : out) {
    const unsigned bits = random();
    c = static_cast<char>((bits & 1 ? 'A' : 'a') + (bits >> 1 & 1));
  }
  return out;
}

TEST(JsonReader, TellsSameKeysFromOthers) {
  std::mt19937 random(42);
  int refused[2] = {0, 0};
  for (int round = 0; round < 20'000; ++round) {
    const size_t length = random() % 24;
    const size_t count = random() % (round % 100 == 0 ? 300 : 8);
    std::set<std::string> exact;
    std::set<std::string> small;
    std::string text = "{";
    for (size_t i = 0; i < count; ++i) {
      const std::string key = some_key(random, length);
      exact.insert(key);
      small.insert(folded(key));
      text += (i == 0 ? "\"" : ",\"") + key + "\":" + std::to_string(i);
    }
    text += "}";
    for (const auto keys : {JsonReader::Keys::Exact, JsonReader::Keys::Folded}) {
      JsonReader reader;
      ASSERT_TRUE(reader.open(text, 64, keys));
      const bool twice = (keys == JsonReader::Keys::Exact ? exact : small).size() < count;
      EXPECT_EQ(reader.value(), twice ? std::string_view() : std::string_view(text));
      EXPECT_EQ(reader.fault(), twice ? JsonFault::DuplicateKey : JsonFault::None) << text;
      refused[static_cast<int>(keys)] += twice ? 1 : 0;
    }
  }
  EXPECT_GT(refused[0], 1'000);
  EXPECT_GT(refused[1], refused[0]);
}

TEST(JsonReader, KeysAreTheSameHoweverTheyAreWritten) {
  using Keys = JsonReader::Keys;
  const auto fault = [](const std::string& text, Keys keys) {
    JsonReader reader;
    reader.open(text, 64, keys);
    reader.value();
    return reader.fault();
  };
  for (const std::string before : {"", "1234567", "12345678", "123456789012345"}) {
    const auto twice = [&](const char* one, const char* other) {
      return "{\"" + before + one + "\":[{}],\"" + before + other + "\":{\"a\":1}}";
    };
    EXPECT_EQ(fault(twice("env", "\\u0065nv"), Keys::Exact), JsonFault::DuplicateKey) << before;
    EXPECT_EQ(fault(twice("env", "\\u0045nv"), Keys::Exact), JsonFault::None) << before;
    EXPECT_EQ(fault(twice("env", "\\u0045nv"), Keys::Folded), JsonFault::DuplicateKey) << before;
    EXPECT_EQ(fault(twice("s", "\xC5\xBF"), Keys::Folded), JsonFault::DuplicateKey) << before;
    EXPECT_EQ(fault(twice("K", "\xE2\x84\xAA"), Keys::Folded), JsonFault::DuplicateKey) << before;
    EXPECT_EQ(fault(twice("K", "\\u212a"), Keys::Folded), JsonFault::DuplicateKey) << before;
    EXPECT_EQ(fault(twice("s", "\xC5\xBF"), Keys::Exact), JsonFault::None) << before;
    EXPECT_EQ(fault(twice("@[`{", "`{@["), Keys::Folded), JsonFault::None) << before;
    EXPECT_EQ(fault(twice("@", "`"), Keys::Folded), JsonFault::None) << before;
    EXPECT_EQ(fault(twice("[", "{"), Keys::Folded), JsonFault::None) << before;
    EXPECT_EQ(fault(twice("\xC3\x84", "\xC3\xA4"), Keys::Folded), JsonFault::None) << before;
    EXPECT_EQ(fault(twice("a", "a\\u0000"), Keys::Folded), JsonFault::None) << before;
  }
}

TEST(JsonReader, StopsAtTheEndOfTheText) {
  for (const char* text :
       {"{\"a\":1",   "{\"a\":", "{\"a\"",    "{",    "[1,", "[1",         "[",           "{\"a\":1,",
        "{\"a\" 1}",  "[1 2]",   "{\"a\":1]", "[}",   "{,}", "[,]",        "{\"a\":}",    "[1,]",
        "{\"a\":1,}", ":",       ",",         "]",    "1 1", "[\"a\\q\"]", "{\"\\q\":1}", "[\"\\u12\"]",
        "[tru]",      "[01]",    "[-]",       "[1.]", "[1e]"}) {
    const std::string copy(text);  // on its own, so that a sanitizer sees who reads behind it
    JsonReader reader;
    if (reader.open(copy)) {
      reader.value();
    }
    EXPECT_FALSE(reader.finished()) << text;
  }
  for (const char* text : {" 1 ", "\"\"", "[ ]", " { } ", "[1 , 2 ]", "{ \"a\" : [ ] , \"b\" : -1.5e+3 }",
                           "[[[\"\\u12aF\"]]]"}) {
    const std::string copy(text);
    JsonReader reader;
    ASSERT_TRUE(reader.open(copy)) << text;
    EXPECT_FALSE(reader.value().empty()) << text;
    EXPECT_TRUE(reader.finished()) << text;
  }
}

TEST(Envelope, RefusesKeysThatSomeReadersTakeForOthers) {
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","Method":"b"})"), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"x","NAME":"y"}})"), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"x","Arguments":{}}})"), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"argument\u017f":{}}})"), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"taskid":"x"}})"), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":{"path":1,"Path":2}}})"),
            -32600);
  EXPECT_EQ(
      code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":{"x":{"\u212a":1,"k":2}}}})"),
      -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"taskId":"x","Other":{"Name":1}}})"),
            0);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":{"Path":1,"name":2}}})"),
            0);
}

TEST(Envelope, LimitsDepthSizeAndIds) {
  const auto nested = [](int depth) {
    return R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"x":)" + std::string(depth, '[') +
           std::string(depth, ']') + "}}";
  };
  EXPECT_EQ(code_of(nested(62)), 0);
  EXPECT_EQ(code_of(nested(63)), -32600);
  EXPECT_EQ(code_of(nested(100'000)), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":")" + std::string(300, 'x') + R"(","method":"a"})"), -32600);
  EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"x":")" + std::string(5'000'000, 'x') +
                    "\"}}"),
            -32600);
}

TEST(Envelope, SplitsBatches) {
  std::vector<std::string_view> parts;
  EXPECT_TRUE(is_batch(" [ ]"));
  EXPECT_EQ(split_batch("[]", {}, parts).code, -32600);
  ASSERT_FALSE(split_batch(R"([{"a":1}, 2])", {}, parts));
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0], R"({"a":1})");
  std::string many = "[0";
  for (int i = 0; i < 100; ++i) {
    many += ",0";
  }
  EXPECT_EQ(split_batch(many + "]", {}, parts).code, -32600);
}

TEST(EditObject, ChangesOnlyItsOwnMembers) {
  using Kind = MemberEdit::Kind;
  const std::string text = R"({ "name": "a", "deep": {"name": "b"}, "gone": [1] })";
  const MemberEdit edits[] = {{Kind::Set, "name", "\"z\""},
                              {Kind::Remove, "gone", {}},
                              {Kind::Default, "ttlMs", "0"},
                              {Kind::Default, "deep", "1"}};
  EXPECT_EQ(edit_object(text, edits), R"({"name":"z","deep":{"name": "b"},"ttlMs":0})");
  EXPECT_EQ(edit_object("{}", {}), "{}");
  EXPECT_EQ(edit_object("[1]", edits), "[1]");
  EXPECT_EQ(find_member(text, "deep"), R"({"name": "b"})");
  EXPECT_EQ(find_member("{", "deep"), "");
  EXPECT_EQ(strip_gateway_meta(R"({"io.modelcontextprotocol/protocolVersion":"x","a":1})"), R"({"a":1})");
  EXPECT_EQ(strip_gateway_meta(R"({"io.modelcontextprotocol/protocolVersion":"x"})"), "");
}

TEST(JsonText, EscapesAndUnescapes) {
  EXPECT_EQ(value::json_string("a\"\\\n\x01\xff\xC3\xA4"), "\"a\\\"\\\\\\n\\u0001\xEF\xBF\xBD\xC3\xA4\"");
  EXPECT_EQ(value::unescape_json(R"(\u00e4\ud83d\ude00\ud83d\n)").value(),
            "\xC3\xA4\xF0\x9F\x98\x80\xEF\xBF\xBD\n");
  EXPECT_FALSE(value::unescape_json(R"(\u00g4)").has_value());
  EXPECT_FALSE(value::unescape_json("\\").has_value());
}

}  // namespace
}  // namespace catalyst::mcp
