#include "runtime/decision/apply.h"

#include <gtest/gtest.h>

#include "runtime/decision/engine.h"
#include "tests/unit/decision/module_maker.h"

namespace catalyst::decision {
namespace {

std::string set(std::string_view args, std::vector<std::string_view> path, std::string_view json) {
  const SetEffect effect{path, json, 0};
  return apply_sets(args, {&effect, 1});
}

TEST(ApplySets, TouchesNothingElse) {
  EXPECT_EQ(set(R"({ "a" : 1.0e2, "b":[ 1 , 2 ] })", {"a"}, "7"), R"({ "a" : 7, "b":[ 1 , 2 ] })");
  EXPECT_EQ(set(R"({"a":{"b":"x","c":"y"}})", {"a", "b"}, R"("z")"), R"({"a":{"b":"z","c":"y"}})");
}

TEST(ApplySets, AddsWhatIsMissing) {
  EXPECT_EQ(set("", {"a"}, "1"), R"({"a":1})");
  EXPECT_EQ(set("{}", {"a", "b"}, "1"), R"({"a":{"b":1}})");
  EXPECT_EQ(set(R"({"x":0 })", {"a"}, "1"), R"({"x":0 ,"a":1})");
  EXPECT_EQ(set(R"({"a":5})", {"a", "b"}, "1"), R"({"a":{"b":1}})");
}

TEST(ApplySets, SetsARepeatedOrEscapedMemberEverywhere) {
  EXPECT_EQ(set(R"({"a":1,"\u0061":2,"a":3})", {"a"}, "9"), R"({"a":9,"\u0061":9,"a":9})");
}

TEST(ApplySets, ReplacesWhatIsNoObject) {
  for (const std::string_view args : {"[1]", "x", "{\"a\":1", "{\"a\":1,}", "{\"a\":1}}", "null"}) {
    EXPECT_EQ(set(args, {"b"}, "1"), R"({"b":1})") << args;
  }
}

class ApplyRedactions : public ::testing::Test {
 protected:
  ApplyRedactions() {
    make.module().redactions = {{"email", R"([a-z]+@[a-z]+\.example)", ir::RedactionCheck::None},
                                {"card", R"(\b(?:\d[ -]?){12,18}\d\b)", ir::RedactionCheck::Luhn},
                                {"iban", R"(\b[A-Z]{2}\d{2}[A-Z0-9 ]{11,40}\b)", ir::RedactionCheck::Iban}};
    pack = make.pack();
  }
  std::string redact(std::string_view result, std::vector<std::string_view> path,
                     std::vector<uint32_t> patterns) {
    const RedactEffect effect{path, patterns, 0};
    count = 0;
    return apply_redactions(result, *pack, {&effect, 1}, &count);
  }
  test::ModuleMaker make;
  std::shared_ptr<const Pack> pack;
  size_t count = 0;
};

TEST_F(ApplyRedactions, FindsPatternsInStringsBelowThePath) {
  EXPECT_EQ(redact(R"({"content":[{"type":"text","text":"to ana@acme.example, raj@acme.example"}],"n":1})",
                   {}, {0}),
            R"({"content":[{"type":"text","text":"to [redacted], [redacted]"}],"n":1})");
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(redact(R"({"a":"ana@acme.example","b":{"c":["x","ana\u0040acme.example"]}})", {"b"}, {0}),
            R"({"a":"ana@acme.example","b":{"c":["x","[redacted]"]}})");
  EXPECT_EQ(redact(R"({"b":[{"c":"ana@acme.example"},{"d":"ana@acme.example"}]})", {"b", "c"}, {0}),
            R"({"b":[{"c":"[redacted]"},{"d":"ana@acme.example"}]})");
  EXPECT_EQ(redact(R"({"b":{"x":{"c":"ana@acme.example"}}})", {"b", "*", "c"}, {0}),
            R"({"b":{"x":{"c":"[redacted]"}}})");
}

TEST_F(ApplyRedactions, ChecksumsDecide) {
  EXPECT_EQ(redact(R"({"t":"4111 1111 1111 1111 and 4111 1111 1111 1112"})", {}, {1}),
            R"({"t":"[redacted] and 4111 1111 1111 1112"})");
  EXPECT_EQ(redact(R"({"t":"DE89370400440532013000, DE89370400440532013001"})", {}, {2}),
            R"({"t":"[redacted], DE89370400440532013001"})");
  EXPECT_EQ(redact(R"({"t":4111111111111111,"u":4111111111111112})", {}, {1}),
            R"({"t":"[redacted]","u":4111111111111112})");
}

TEST_F(ApplyRedactions, WholeValues) {
  EXPECT_EQ(redact(R"({"a":{"b":[1,2]},"c":3})", {"a"}, {}), R"({"a":"[redacted]","c":3})");
  EXPECT_EQ(redact(R"({"a":[{"b":1,"c":2},{"b":null}]})", {"a", "b"}, {}),
            R"({"a":[{"b":"[redacted]","c":2},{"b":"[redacted]"}]})");
  EXPECT_EQ(redact(R"({"c":3})", {"a"}, {}), R"({"c":3})");
}

TEST_F(ApplyRedactions, StructuredContentIsRepeatedAsText) {
  EXPECT_EQ(
      redact(
          R"({"content":[{"type":"text","text":"{\"mail\":\"x\",\"n\":1}"}],"structuredContent":{"mail":"x","n":1}})",
          {"structuredContent", "mail"}, {}),
      R"({"content":[{"type":"text","text":"{\"mail\":\"[redacted]\",\"n\":1}"}],"structuredContent":{"mail":"[redacted]","n":1}})");
}

TEST_F(ApplyRedactions, NothingUnreadableLeaves) {
  for (const std::string_view result :
       {"", "{\"a\":\"ana@acme.example\"", "{\"a\":\"ana@acme.example\"}]", "{\"a\":\"\\q\"}"}) {
    EXPECT_EQ(redact(result, {"zz"}, {0}), R"({"content":[],"isError":true})") << result;
  }
}

}  // namespace
}  // namespace catalyst::decision
