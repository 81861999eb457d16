#include "runtime/schema/schema.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/golden.h"

namespace catalyst::schema {
namespace {

using Json = nlohmann::ordered_json;

std::shared_ptr<const Schema> compiled(const std::string& text) {
  auto schema = Schema::compile(text);
  EXPECT_TRUE(schema.has_value()) << text << ": " << (schema.has_error() ? schema.error().message() : "");
  return schema.has_value() ? *schema : *Schema::compile("true");
}

std::string issues(const std::string& schema, const std::string& instance) {
  const Outcome outcome = compiled(schema)->validate(instance);
  EXPECT_EQ(outcome.valid, outcome.issues.empty());
  return outcome.text();
}

/// tests/golden/schema/*.json: groups of a schema and instances, as in the official suite.
TEST(Schema, JudgesTheCasesAsTheySay) {
  size_t cases = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(testing::repository_path("tests/golden/schema"))) {
    for (const Json& group : Json::parse(testing::read_file(file.path().string()))) {
      const auto schema = compiled(group["schema"].dump());
      for (const Json& one : group["tests"]) {
        ++cases;
        const Outcome outcome = schema->validate(one["data"].dump());
        EXPECT_EQ(outcome.valid, one["valid"].get<bool>())
            << file.path() << ": " << group["description"] << " with " << one["data"] << ": "
            << outcome.text();
        EXPECT_EQ(outcome.valid, outcome.issues.empty());
      }
    }
  }
  EXPECT_GT(cases, 140u);
}

TEST(Schema, SaysWhereAndWhy) {
  const std::string tool = R"({"type":"object","properties":{
    "path":{"type":"string","minLength":1},"mode":{"enum":["r","w"]},
    "lines":{"type":"array","items":{"type":"integer","minimum":1}},"a/b":{"type":"boolean"}},
    "required":["path"],"additionalProperties":false})";
  EXPECT_EQ(issues(tool, R"({"path":"x","mode":"r","lines":[1,2]})"), "");
  EXPECT_EQ(issues(tool, R"({})"), "lacks path");
  EXPECT_EQ(issues(tool, R"({"path":7})"), "/path must be text");
  EXPECT_EQ(issues(tool, R"({"path":""})"), "/path must have at least 1 characters");
  EXPECT_EQ(issues(tool, R"({"path":"x","mode":"a"})"), R"(/mode must be one of "r", "w")");
  EXPECT_EQ(issues(tool, R"({"path":"x","lines":[1,0,"2"]})"),
            "/lines/1 must be at least 1; /lines/2 must be a whole number");
  EXPECT_EQ(issues(tool, R"({"path":"x","a/b":1,"c":1})"),
            "/a~1b must be true or false; /c is not known here");
  EXPECT_EQ(issues(R"({"anyOf":[{"type":"string"},{"type":"null"}]})", "1"),
            "fits none of the 2 forms that are allowed");
  EXPECT_EQ(issues(R"({"type":"array","maxItems":100000,"items":{"type":"string"}})", "[1,2,3,4,5,6,7,8,9]")
                .find("/5"),
            std::string::npos);  // five issues are enough
}

TEST(Schema, BrokenSchemasAreErrorsThatSayWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "not JSON"},
      {"7", "object, true or false"},
      {"{\"type\":\"strin\"}", "type must be"},
      {R"({"properties":{"a":{"minimum":"1"}}})", "/properties/a: minimum must be a number"},
      {R"({"properties":[]})", "properties must be an object"},
      {R"({"allOf":{}})", "allOf must be a list"},
      {R"({"allOf":[1]})", "/allOf/0: a schema must be"},
      {R"({"maxLength":-1})", "maxLength must be a whole number"},
      {R"({"multipleOf":0})", "above 0"},
      {R"({"required":[1]})", "list of names"},
      {R"({"$ref":7})", "$ref must be text"},
      {R"({"$ref":"#/nowhere"})", "leads nowhere"},
      {R"({"$ref":"#nowhere"})", "leads nowhere"},
      {R"({"items":{"$ref":"https://evil.example/s.json"}})", "nothing is fetched"},
      {R"({"items":{"$ref":"file:///etc/passwd"}})", "nothing is fetched"},
      {R"({"$ref":"other.json"})", "nothing is fetched"}};
  for (const auto& [schema, why] : cases) {
    const auto compiled = Schema::compile(schema);
    ASSERT_TRUE(compiled.has_error()) << schema;
    EXPECT_NE(compiled.error().message().find(why), std::string::npos) << compiled.error().message();
  }
}

TEST(Schema, LimitsHold) {
  Limits small;
  small.schema_bytes = 100;
  EXPECT_TRUE(Schema::compile(std::string(101, ' '), small).has_error());
  EXPECT_TRUE(Schema::compile(std::string(1'000, '[') + std::string(1'000, ']')).has_error());
  std::string many = R"({"allOf":[)";
  for (int i = 0; i < 10'001; ++i) {
    many += i == 0 ? "true" : ",true";
  }
  EXPECT_TRUE(Schema::compile(many + "]}").has_error());
  const auto deep = compiled("true");
  EXPECT_FALSE(deep->validate(std::string(65, '[') + std::string(65, ']')).valid);
  EXPECT_FALSE(deep->validate("12345678901234567890123").valid);
  EXPECT_FALSE(deep->validate("{\"a\":").valid);
}

TEST(Schema, NothingRunsAway) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(issues(R"({"$ref":"#"})", "1"), "is too expensive to check");
  EXPECT_EQ(
      issues(R"({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"not":{"$ref":"#/$defs/a"}}},"$ref":"#/$defs/a"})",
             "1"),
      "is too expensive to check");
  // Two ways at every level: 2^n without a budget.
  const std::string fork =
      R"({"anyOf":[{"items":{"$ref":"#"}},{"items":{"$ref":"#"},"maxItems":0}],"type":"array"})";
  EXPECT_EQ(issues(fork, std::string(40, '[') + "1" + std::string(40, ']')), "is too expensive to check");
  // The classic that backtracks.
  const std::string text = "\"" + std::string(100'000, 'a') + "!\"";
  EXPECT_NE(issues(R"({"pattern":"^(a+)+$"})", text), "");
  std::string distinct = "[";
  for (int i = 0; i < 50'000; ++i) {
    distinct += (i == 0 ? "" : ",") + std::to_string(i);
  }
  EXPECT_EQ(issues(R"({"uniqueItems":true})", distinct + "]"), "");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Schema, PatternsThatCannotBeCheckedAreTold) {
  const auto schema = compiled(
      R"x({"pattern":"^(?!x)","patternProperties":{"(?<=a)b":{"type":"string"}},"additionalProperties":false})x");
  EXPECT_EQ(schema->unchecked().size(), 2u);
  EXPECT_TRUE(schema->validate("\"x\"").valid);
  EXPECT_TRUE(schema->validate(R"({"c":1})").valid);
}

}  // namespace
}  // namespace catalyst::schema
