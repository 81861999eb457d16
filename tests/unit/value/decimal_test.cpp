#include "runtime/value/decimal.h"

#include <gtest/gtest.h>

#include <random>

namespace catalyst::value {
namespace {

Value parsed(std::string_view text) {
  Value v;
  EXPECT_EQ(decimal::parse(text, &v), Status::Ok) << text;
  return v;
}

std::string text(const Value& v) {
  std::string out;
  decimal::append_text(out, v);
  return out;
}

Status parse_status(std::string_view t) {
  Value v;
  return decimal::parse(t, &v);
}

template <class Operation>
std::string apply(Operation operation, std::string_view a, std::string_view b) {
  Value out;
  const Status status = operation(parsed(a), parsed(b), &out);
  return status == Status::Ok ? text(out) : std::string(status_name(status));
}

TEST(Decimal, ReadsAndWritesCanonically) {
  const std::pair<const char*, const char*> cases[] = {
      {"0", "0"},
      {"-0", "0"},
      {"0.10", "0.1"},
      {"-1.500", "-1.5"},
      {"1e3", "1000"},
      {"1.25E-2", "0.0125"},
      {"100", "100"},
      {"0.000", "0"},
      {"12e0", "12"},
      {"0.0000000000000000000000000001", "0.0000000000000000000000000001"},
      {"170141183460469231731687303715884105727", "170141183460469231731687303715884105727"}};
  for (const auto& [in, out] : cases) {
    EXPECT_EQ(text(parsed(in)), out);
  }
}

TEST(Decimal, RefusesWhatDoesNotFitOrIsNoNumber) {
  EXPECT_EQ(parse_status("170141183460469231731687303715884105728"), Status::Overflow);
  EXPECT_EQ(parse_status("1e40"), Status::Overflow);
  EXPECT_EQ(parse_status("1e-29"), Status::Overflow);
  EXPECT_EQ(parse_status("1e999999999999"), Status::Overflow);
  for (const char* bad : {"", "-", ".", "1e", "1x", "1.2.3", "--1", "1e+"}) {
    EXPECT_EQ(parse_status(bad), Status::BadType) << bad;
  }
}

TEST(Decimal, IsExact) {
  EXPECT_EQ(apply(decimal::add, "0.1", "0.2"), "0.3");
  EXPECT_EQ(apply(decimal::subtract, "1", "0.9"), "0.1");
  EXPECT_EQ(apply(decimal::multiply, "0.5", "0.2"), "0.1");
  EXPECT_EQ(apply(decimal::multiply, "19.99", "3"), "59.97");
  EXPECT_EQ(apply(decimal::remainder, "-7.5", "2"), "-1.5");
}

TEST(Decimal, DividesHalfToEven) {
  EXPECT_EQ(apply(decimal::divide, "1", "8"), "0.125");
  EXPECT_EQ(apply(decimal::divide, "2", "3"), "0.6666666666666666666666666667");
  EXPECT_EQ(apply(decimal::divide, "-1", "3"), "-0.3333333333333333333333333333");
  EXPECT_EQ(apply(decimal::divide, "1", "0"), "division_by_zero");
  EXPECT_EQ(apply(decimal::divide, "0", "5"), "0");
}

TEST(Decimal, OverflowsInsteadOfRounding) {
  EXPECT_EQ(apply(decimal::add, "170141183460469231731687303715884105727", "1"), "overflow");
  EXPECT_EQ(apply(decimal::multiply, "100000000000000000000", "100000000000000000000"), "overflow");
}

TEST(Decimal, OrdersAcrossScales) {
  EXPECT_TRUE(decimal::compare(parsed("0.1"), parsed("0.09")) > 0);
  EXPECT_TRUE(decimal::compare(parsed("-0.1"), parsed("0.1")) < 0);
  // Aligning these would overflow 128 bits.
  const Value huge = parsed("170141183460469231731687303715884105727");
  const Value tiny = parsed("0.0000000000000000000000000001");
  EXPECT_TRUE(decimal::compare(huge, tiny) > 0);
  EXPECT_TRUE(decimal::compare(tiny, huge) < 0);
  EXPECT_TRUE(decimal::compare(parsed("-170141183460469231731687303715884105727"), tiny) < 0);
}

TEST(Decimal, RoundsAndTruncates) {
  Value out;
  EXPECT_EQ(decimal::round(parsed("2.345"), 2, &out), Status::Ok);
  EXPECT_EQ(text(out), "2.34");
  EXPECT_EQ(decimal::round(parsed("-2.5"), 0, &out), Status::Ok);
  EXPECT_EQ(text(out), "-2");
  EXPECT_EQ(decimal::round(parsed("1"), 29, &out), Status::OutOfRange);
  EXPECT_EQ(decimal::floor(parsed("-0.5"), &out), Status::Ok);
  EXPECT_EQ(out.a.integer, -1);
  EXPECT_EQ(decimal::ceil(parsed("-0.5"), &out), Status::Ok);
  EXPECT_EQ(out.a.integer, 0);
}

TEST(Decimal, KeepsTheLawsOfArithmetic) {
  std::mt19937_64 random(7);
  const auto any = [&] {
    return parsed(std::to_string(static_cast<int64_t>(random() % 2'000'001) - 1'000'000) + "e-" +
                  std::to_string(random() % 5));
  };
  for (int i = 0; i < 20'000; i++) {
    const Value a = any();
    const Value b = any();
    Value sum;
    Value back;
    ASSERT_EQ(decimal::add(a, b, &sum), Status::Ok);
    ASSERT_EQ(decimal::subtract(sum, b, &back), Status::Ok);
    ASSERT_EQ(text(back), text(a));
    ASSERT_EQ(decimal::compare(a, b) < 0, decimal::compare(b, a) > 0);
    ASSERT_EQ(text(parsed(text(a))), text(a));
  }
}

}  // namespace
}  // namespace catalyst::value
