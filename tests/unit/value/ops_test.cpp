#include "runtime/value/ops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <regex>
#include <vector>

#include "runtime/value/builtin.h"
#include "runtime/value/regex_set.h"

namespace catalyst::value {
namespace {

struct OpsTest : testing::Test {
  Arena arena{1 << 20};
  int64_t fuel = 1'000'000;
  Scratch scratch{&arena, &fuel};

  bool globs(std::string_view text, std::string_view pattern) {
    bool matched = false;
    EXPECT_EQ(glob(scratch, text, pattern, &matched), Status::Ok);
    return matched;
  }
};

TEST_F(OpsTest, GlobMatchesWholeText) {
  EXPECT_TRUE(globs("", ""));
  EXPECT_TRUE(globs("", "*"));
  EXPECT_FALSE(globs("a", ""));
  EXPECT_TRUE(globs("delete_user", "delete_*"));
  EXPECT_FALSE(globs("undelete_user", "delete_*"));
  EXPECT_TRUE(globs("aXbXc", "a*b*c"));
  EXPECT_TRUE(globs("é", "?"));
  EXPECT_FALSE(globs("éa", "?"));
  EXPECT_TRUE(globs("日本語", "日?語"));
}

TEST_F(OpsTest, GlobAgreesWithARegularExpression) {
  const std::string letters = "ab*?";
  for (unsigned p = 0; p < 256; p++) {
    std::string pattern;
    std::string expression;
    for (unsigned i = 0; i < 4; i++) {
      const char c = letters[p >> (2 * i) & 3];
      pattern.push_back(c);
      expression.append(c == '*' ? ".*" : (c == '?' ? "." : std::string(1, c)));
    }
    const std::regex regex(expression);
    for (unsigned t = 0; t < 64; t++) {
      std::string text;
      for (unsigned i = 0; i < t % 7; i++) {
        text.push_back((t >> i & 1) != 0 ? 'a' : 'b');
      }
      EXPECT_EQ(globs(text, pattern), std::regex_match(text, regex)) << text << " " << pattern;
    }
  }
}

TEST_F(OpsTest, ScansStopWhenFuelEnds) {
  const std::string text(100'000, 'a');
  fuel = 100;
  bool out = false;
  EXPECT_EQ(contains_text(scratch, text, "b", &out), Status::OutOfFuel);
  EXPECT_EQ(fuel, 0);
  EXPECT_EQ(glob(scratch, text, "*b", &out), Status::OutOfFuel);
}

TEST_F(OpsTest, FullArenaIsAnError) {
  Arena small(64 * 1024);
  const Scratch tight{&small, &fuel};
  const std::string text(100'000, 'a');
  const Value part = Value::of_string(text);
  Value out;
  EXPECT_EQ(interpolate(tight, &part, 1, &out), Status::OutOfMemory);
}

TEST_F(OpsTest, EqualityIsStructural) {
  const Value one = Value::of_int(1);
  EXPECT_TRUE(equal(one, Value::of_decimal(1, 0)));
  EXPECT_FALSE(equal(one, Value::of_bool(true)));
  const Value ab[] = {Value::of_string("a"), Value::of_string("b")};
  const Value ba[] = {Value::of_string("b"), Value::of_string("a")};
  EXPECT_FALSE(equal(Value::of_list(ab, 2), Value::of_list(ba, 2)));
  EXPECT_TRUE(equal_sets(Value::of_list(ab, 2), Value::of_list(ba, 2)));
  const Entry x[] = {{"p", one}, {"q", ab[0]}};
  const Entry y[] = {{"q", ab[0]}, {"p", one}};
  EXPECT_TRUE(equal(Value::of_map(x, 2), Value::of_map(y, 2)));
  EXPECT_FALSE(equal(Value::of_float(NAN), Value::of_float(NAN)));
}

TEST_F(OpsTest, SetOperationsKeepFirstAppearance) {
  const Value a[] = {Value::of_int(1), Value::of_int(2)};
  const Value b[] = {Value::of_int(2), Value::of_int(3)};
  Value out;
  std::string text;
  ASSERT_EQ(set_union(scratch, Value::of_list(a, 2), Value::of_list(b, 2), &out), Status::Ok);
  append_json(text, out);
  ASSERT_EQ(set_intersect(scratch, Value::of_list(a, 2), Value::of_list(b, 2), &out), Status::Ok);
  append_json(text, out);
  ASSERT_EQ(set_except(scratch, Value::of_list(a, 2), Value::of_list(b, 2), &out), Status::Ok);
  append_json(text, out);
  EXPECT_EQ(text, "[1,2,3][2][1]");
}

TEST_F(OpsTest, JsonIsEscaped) {
  const Entry entries[] = {{"k\"", Value::of_string("line\nend")}, {"gone", Value::absent()}};
  std::string text;
  append_json(text, Value::of_map(entries, 2));
  EXPECT_EQ(text, R"({"k\"":"line\nend"})");
}

TEST_F(OpsTest, BuiltinsDoWhatTheirTableSays) {
  const auto call = [&](Builtin f, std::vector<Value> arguments) {
    Value out;
    const Status status = call_builtin(scratch, f, arguments.data(), &out);
    std::string text;
    append_json(text, out);
    return status == Status::Ok ? text : std::string(status_name(status));
  };
  const auto s = [](std::string_view text) { return Value::of_string(text); };
  EXPECT_EQ(call(Builtin::Lower, {s("ÄBC")}), "\"Äbc\"");
  EXPECT_EQ(call(Builtin::Trim, {s(" a b \n")}), "\"a b\"");
  EXPECT_EQ(call(Builtin::LengthText, {s("日本")}), "2");
  EXPECT_EQ(call(Builtin::Split, {s("a,b,,c"), s(",")}), R"(["a","b","","c"])");
  EXPECT_EQ(call(Builtin::Split, {s("abc"), s("")}), R"(["abc"])");
  EXPECT_EQ(call(Builtin::Replace, {s("a.b.c"), s("."), s("--")}), "\"a--b--c\"");
  EXPECT_EQ(call(Builtin::Substring, {s("日本語"), Value::of_int(1), Value::of_int(1)}), "\"本\"");
  EXPECT_EQ(call(Builtin::Substring, {s("abc"), Value::of_int(-5), Value::of_int(INT64_MAX)}), "\"abc\"");
  EXPECT_EQ(call(Builtin::AbsInt, {Value::of_int(INT64_MIN)}), "overflow");
  EXPECT_EQ(call(Builtin::ToInt, {s("12x")}), "null");
  EXPECT_EQ(call(Builtin::ToInt, {s("-12")}), "-12");
  EXPECT_EQ(call(Builtin::First, {Value::of_list(nullptr, 0)}), "null");
}

TEST_F(OpsTest, RegularExpressionsAreChecked) {
  EXPECT_EQ(RegexSet::problem("a+"), "");
  EXPECT_NE(RegexSet::problem("a("), "");
  EXPECT_NE(RegexSet::problem(std::string(2000, 'a')), "");
  const RegexSet set({"^a+$", "[0-9]"});
  bool matched = false;
  EXPECT_EQ(set.matches(scratch, 0, "aaa", &matched), Status::Ok);
  EXPECT_TRUE(matched);
  EXPECT_EQ(set.matches(scratch, 1, "aaa", &matched), Status::Ok);
  EXPECT_FALSE(matched);
}

}  // namespace
}  // namespace catalyst::value
