// What is said to fit at a glance must fit when it is evaluated.

#include "runtime/schema/plain.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "runtime/schema/evaluate.h"
#include "runtime/schema/plain_text.h"
#include "tests/support/golden.h"

namespace catalyst::schema {
namespace {

using Json = nlohmann::ordered_json;

/// One schema, two ways to apply it.
class BothWays {
 public:
  explicit BothWays(const std::string& schema) {
    const Result<void> built = build(schema, graph_);
    EXPECT_TRUE(built.has_value()) << schema << ": " << (built.has_error() ? built.error().message() : "");
    mark_plain(graph_);
  }

  bool evaluated(const std::string& instance) {
    Element element;
    return parser_.parse(instance).get(element) == simdjson::SUCCESS && evaluate(graph_, element).valid;
  }
  bool plainly(const std::string& instance) { return fits_plainly(graph_, instance); }

 private:
  Graph graph_;
  simdjson::dom::parser parser_;
};

TEST(Plain, SaysYesToWhatMostToolsAreCalledWith) {
  BothWays tool(R"({"type":"object","properties":{"path":{"type":"string","minLength":1,"maxLength":9},
    "mode":{"enum":["r","w"]},"kind":{"const":"file"},"lines":{"type":"array","items":{"type":"integer","minimum":1},"maxItems":3},
    "deep":{"type":"object","properties":{"x":{"type":["number","null"]}},"required":["x"]},
    "maybe":{"anyOf":[{"type":"string"},{"type":"null"}],"default":null},"named":{"$ref":"#/$defs/name"},"dry":{"type":"boolean"},
    "any":{}},"$defs":{"name":{"type":"string","maxLength":3}},"required":["path"],"additionalProperties":false})");
  for (const char* instance :
       {R"({"path":"a"})", R"( { "path" : "abcdefghi" , "mode" : "w" , "kind":"file" } )",
        R"({"path":"a","lines":[1,2,30]})", R"({"path":"a","lines":[]})", R"({"deep":{"x":-12},"path":"a"})",
        R"({"deep":{"x":null},"path":"a","dry":true})", R"({"maybe":null,"path":"a","named":"abc"})",
        R"({"maybe":"x","path":"a","any":[{"b":[null,false,"c",0]}]})"}) {
    EXPECT_TRUE(tool.plainly(instance)) << instance;
    EXPECT_TRUE(tool.evaluated(instance)) << instance;
  }
  for (const char* instance : {R"({})",
                               R"({"path":""})",
                               R"({"path":"abcdefghij"})",
                               R"({"path":"a","mode":"a"})",
                               R"({"path":"a","kind":"dir"})",
                               R"({"path":"a","lines":[0]})",
                               R"({"path":"a","lines":[1,2,3,4]})",
                               R"({"path":"a","deep":{}})",
                               R"({"path":"a","named":"abcd"})",
                               R"({"path":"a","maybe":1})",
                               R"({"path":"a","other":1})",
                               R"({"path":"a","Path":"b"})",
                               R"({"path":"a"}x)",
                               R"({"path":"a",})",
                               R"({"path":"a","any":01})",
                               R"({"path":"a","any":[1}})",
                               R"({"path":"a)",
                               "{\"path\":\"a\x01\"}",
                               "{\"path\":\"\xff\"}",
                               R"({"path":"\q"})",
                               R"({"path":"a","any":-})",
                               R"({"path":"a","any":tru})",
                               ""}) {
    EXPECT_FALSE(tool.plainly(instance)) << instance;
    EXPECT_FALSE(tool.evaluated(instance)) << instance;
  }
}

TEST(Plain, SaysYesToNoCaseThatSaysNo) {
  size_t plain = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(testing::repository_path("tests/golden/schema"))) {
    for (const Json& group : Json::parse(testing::read_file(file.path().string()))) {
      BothWays schema(group["schema"].dump());
      for (const Json& one : group["tests"]) {
        const std::string instance = one["data"].dump();
        EXPECT_EQ(schema.evaluated(instance), one["valid"].get<bool>()) << group["schema"] << instance;
        if (schema.plainly(instance)) {
          ++plain;
          EXPECT_TRUE(one["valid"].get<bool>()) << group["schema"] << instance;
        }
      }
    }
  }
  EXPECT_GT(plain, 20u);
}

class RandomJson {
 public:
  explicit RandomJson(uint32_t seed) : random_(seed) {}

  std::string schema(int depth) {
    Json out = Json::object();
    if (chance(5)) {
      return chance(80) ? "true" : "false";
    }
    if (chance(70)) {
      out["type"] = chance(80) ? Json(pick(kTypes)) : Json::array({pick(kTypes), pick(kTypes)});
      if (out["type"].is_array() && out["type"][0] == out["type"][1]) {
        out.erase("type");
      }
    }
    const auto maybe = [&](int percent, const char* keyword, auto make) {
      if (chance(percent)) {
        out[keyword] = Json::parse(make());
      }
    };
    const auto small = [&] { return std::to_string(number(4)); };
    const auto below = [&] { return schema(depth - 1); };
    maybe(8, "enum", [&] { return chance(70) ? "[\"a\",\"B\"]" : "[1,\"a\",null]"; });
    maybe(3, "const", [&] { return chance(70) ? "\"a\"" : "1"; });
    maybe(10, "minLength", small);
    maybe(10, "maxLength", small);
    maybe(10, "minimum", small);
    maybe(10, "exclusiveMaximum", small);
    maybe(2, "multipleOf", [] { return "2"; });
    maybe(2, "pattern", [] { return "\"a\""; });
    if (depth > 0) {
      maybe(50, "properties", [&] { return "{\"a\":" + below() + ",\"b\":" + below() + "}"; });
      maybe(20, "required", [&] { return chance(50) ? "[\"a\"]" : "[\"b\",\"c\"]"; });
      maybe(20, "additionalProperties", below);
      maybe(30, "items", below);
      maybe(10, "minItems", small);
      maybe(10, "maxProperties", small);
      maybe(2, "uniqueItems", [] { return "true"; });
      maybe(2, "prefixItems", [&] { return "[" + below() + "]"; });
      maybe(2, "propertyNames", below);
      maybe(2, "patternProperties", [&] { return "{\"a\":" + below() + "}"; });
      maybe(2, "unevaluatedProperties", [] { return "false"; });
      maybe(2, "dependentRequired", [] { return "{\"a\":[\"b\"]}"; });
      maybe(8, "anyOf", [&] { return "[" + below() + "," + below() + "]"; });
      maybe(5, "allOf", [&] { return "[" + below() + "]"; });
      maybe(3, "oneOf", [&] { return "[" + below() + "," + below() + "]"; });
      maybe(2, "not", below);
      maybe(2, "if", below);
      maybe(5, "$ref", [] { return "\"#\""; });
    }
    return out.dump();
  }

  std::string instance(int depth) {
    static constexpr const char* kLeaves[] = {"null",
                                              "true",
                                              "false",
                                              "0",
                                              "1",
                                              "-1",
                                              "2",
                                              "3.0",
                                              "1e0",
                                              "\"\"",
                                              "\"a\"",
                                              "\"B\"",
                                              "\"aaaa\"",
                                              "\"\\u0061\"",
                                              "\"\xc3\xa9\"",
                                              "12345678901234567",
                                              "-0",
                                              "1.5"};
    if (depth == 0 || chance(40)) {
      return kLeaves[random_() % std::size(kLeaves)];
    }
    std::string out;
    const bool is_object = chance(70);
    for (int i = number(4); i > 0; --i) {
      static constexpr const char* kNames[] = {"a", "b", "c", "A", "\\u0061"};
      out += (out.empty() ? "" : chance(50) ? ", " : ",");
      out += is_object ? "\"" + std::string(kNames[random_() % std::size(kNames)]) + "\":" : "";
      out += instance(depth - 1);
    }
    out = is_object ? "{" + out + "}" : "[" + out + "]";
    return chance(1) ? out + "," : out;
  }

 private:
  static constexpr const char* kTypes[] = {"object", "array",   "string", "integer",
                                           "number", "boolean", "null"};

  int number(int below) { return static_cast<int>(random_() % static_cast<uint32_t>(below)); }
  bool chance(int percent) { return number(100) < percent; }
  template <size_t N>
  std::string pick(const char* const (&from)[N]) {
    return from[random_() % N];
  }

  std::mt19937 random_;
};

TEST(Plain, WhatItSaysYesToIsValid) {
  size_t plain = 0;
  size_t valid = 0;
  for (uint32_t seed = 0; seed < 5'000 && !::testing::Test::HasFailure(); ++seed) {
    RandomJson random(seed);
    const std::string text = random.schema(3);
    BothWays schema(text);
    for (int i = 0; i < 40; ++i) {
      const std::string instance = random.instance(3);
      const bool fits = schema.evaluated(instance);
      valid += fits ? 1 : 0;
      if (schema.plainly(instance)) {
        ++plain;
        EXPECT_TRUE(fits) << "seed " << seed << ": " << text << " with " << instance;
      }
    }
  }
  EXPECT_GT(plain, valid / 4);
}

TEST(Plain, TextEndsAtItsQuote) {
  for (size_t size = 0; size < 300; ++size) {
    const std::string inside(size, 'x');
    for (const char stop : {'"', '\\', '\n', '\x80'}) {
      const std::string text = inside + stop + "abc\"";
      const char* const end = text.data() + text.size();
      EXPECT_EQ(end_of_plain_text(text.data(), end), stop == '"' ? text.data() + size : nullptr) << size;
    }
    EXPECT_EQ(end_of_plain_text(inside.data(), inside.data() + size), nullptr);
  }
}

}  // namespace
}  // namespace catalyst::schema
