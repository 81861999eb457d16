#include "compiler/check/catalogue.h"

#include <gtest/gtest.h>

#include "compiler/check/schema.h"

namespace catalyst::check {
namespace {

using types::TypeTable;

TEST(Glob, MatchesRunsOfAnything) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("delete_*", "delete_row"));
  EXPECT_TRUE(glob_matches("*_a*b", "x_aab"));
  EXPECT_FALSE(glob_matches("delete_*", "undelete_row"));
  EXPECT_FALSE(glob_matches("*a", "ab"));
  const std::string many(50'000, 'a');
  EXPECT_FALSE(glob_matches("*a*a*a*a*b", many));
}

TEST(Glob, OverlapHasAWitness) {
  const std::pair<const char*, const char*> overlapping[] = {
      {"get_*", "*_all"}, {"*", "*"},     {"a*c", "ab*"}, {"x", "*"},
      {"*a*", "*b*"},     {"abc", "abc"}, {"a*a", "a*"}};
  for (const auto& [a, b] : overlapping) {
    const auto witness = glob_overlap(a, b);
    ASSERT_TRUE(witness.has_value()) << a << " " << b;
    EXPECT_TRUE(glob_matches(a, *witness)) << a << " " << *witness;
    EXPECT_TRUE(glob_matches(b, *witness)) << b << " " << *witness;
  }
  EXPECT_FALSE(glob_overlap("a*", "b*"));
  EXPECT_FALSE(glob_overlap("*a", "*b"));
  EXPECT_FALSE(glob_overlap("abc", "ab"));
}

struct Imported {
  explicit Imported(const std::string& schema, const SchemaLimits& limits = {}) {
    const std::string text = R"({"tools":[{"name":"t","inputSchema":)" + schema + "}]}";
    auto tools = import_tools(text, "s", types, enums, limits);
    problem = tools ? "" : tools.error().message();
    input = tools ? (*tools)[0].input : TypeTable::kError;
  }
  std::string field(const std::string& name) {
    const types::Field* found = types.field(input, name);
    return found == nullptr ? "none" : types.text(found->type);
  }
  types::TypeTable types;
  EnumIndex enums;
  TypeId input;
  std::string problem;
};

std::string type_of(const std::string& schema, const std::string& definitions = "{}") {
  return Imported(R"({"type":"object","properties":{"x":)" + schema + R"(},"required":["x"],"$defs":)" +
                  definitions + "}")
      .field("x");
}

TEST(Schema, TypesOfJsonSchema) {
  EXPECT_EQ(type_of(R"({"type":"string"})"), "string");
  EXPECT_EQ(type_of(R"({"type":"string","format":"date-time"})"), "string");
  EXPECT_EQ(type_of(R"({"type":"integer"})"), "int");
  EXPECT_EQ(type_of(R"({"type":"number"})"), "decimal");
  EXPECT_EQ(type_of(R"({"type":"boolean"})"), "bool");
  EXPECT_EQ(type_of(R"({"type":["string","null"]})"), "string?");
  EXPECT_EQ(type_of(R"({"type":"string","nullable":true})"), "string?");
  EXPECT_EQ(type_of(R"({"type":["string","integer"]})"), "json");
  EXPECT_EQ(type_of(R"({"enum":["a","b"]})"), "enum { a, b }");
  EXPECT_EQ(type_of(R"({"enum":["a",null]})"), "enum { a }?");
  EXPECT_EQ(type_of(R"({"enum":[1,2]})"), "json");
  EXPECT_EQ(type_of(R"({"const":"a"})"), "enum { a }");
  EXPECT_EQ(type_of(R"({"type":"array","items":{"type":"integer"}})"), "list<int>");
  EXPECT_EQ(type_of(R"({"type":"array"})"), "list<json>");
  EXPECT_EQ(type_of(R"({"type":"object","additionalProperties":{"type":"integer"}})"), "map<string, int>");
  EXPECT_EQ(type_of(R"({"type":"object"})"), "json");
  EXPECT_EQ(type_of(R"({})"), "json");
  EXPECT_EQ(type_of("true"), "json");
  EXPECT_EQ(type_of(R"({"anyOf":[{"type":"integer"},{"type":"null"}]})"), "int?");
  EXPECT_EQ(type_of(R"({"oneOf":[{"type":"integer"},{"type":"string"}]})"), "json");
  EXPECT_EQ(type_of(R"({"$ref":"#/$defs/a"})", R"({"a":{"type":"integer"}})"), "int");
  EXPECT_EQ(type_of(R"({"$ref":"https://example.com/a"})"), "json");
  EXPECT_EQ(
      type_of(
          R"({"allOf":[{"type":"object","properties":{"a":{"type":"string"}}},{"properties":{"b":{"type":"string"}}}]})"),
      "x of arguments of s.t");
}

TEST(Schema, RecursionAndSizeEndInJson) {
  EXPECT_EQ(type_of(R"({"$ref":"#/$defs/a"})", R"({"a":{"$ref":"#/$defs/a"}})"), "json");
  const std::string wide =
      R"({"type":"object","properties":{"l":{"$ref":"#/$defs/a"},"r":{"$ref":"#/$defs/a"}},"required":["l","r"]})";
  SchemaLimits limits;
  limits.nodes = 1'000;
  Imported imported(R"({"type":"object","properties":{"x":{"$ref":"#/$defs/a"}},"$defs":{"a":)" + wide + "}}",
                    limits);
  EXPECT_EQ(imported.problem, "");
  EXPECT_NE(imported.field("x"), "none");
}

TEST(Schema, WhatCannotBeRead) {
  types::TypeTable types;
  EnumIndex enums;
  EXPECT_FALSE(import_tools("{", "s", types, enums));
  EXPECT_FALSE(import_tools("3", "s", types, enums));
  EXPECT_FALSE(import_tools(R"({"tools":[{}]})", "s", types, enums));
  EXPECT_FALSE(import_tools(std::string(100'000, '['), "s", types, enums));
  EXPECT_TRUE(import_tools(R"([{"name":"t"}])", "s", types, enums));
  EXPECT_TRUE(import_tools(R"({"result":{"tools":[]}})", "s", types, enums));
}

TEST(Schema, ADeclaredEnumWithTheSameMembersIsTheType) {
  types::TypeTable types;
  EnumIndex enums;
  const TypeId env = types.enum_type("Env", {"prod", "dev"}, false);
  enums.add({"prod", "dev"}, env);
  const auto tools = import_tools(
      R"([{"name":"t","inputSchema":{"type":"object","properties":{"e":{"enum":["dev","prod"]}},"required":["e"]}}])",
      "s", types, enums);
  ASSERT_TRUE(tools);
  EXPECT_EQ(types.field((*tools)[0].input, "e")->type, env);
  EXPECT_TRUE(enums.used(env));
}

}  // namespace
}  // namespace catalyst::check
