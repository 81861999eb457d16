#include "runtime/value/time.h"

#include <gtest/gtest.h>

#include <random>

#include "runtime/value/ip.h"
#include "runtime/value/ops.h"

namespace catalyst::value {
namespace {

std::string time_text(int64_t us) {
  std::string out;
  append_time(out, us);
  return out;
}

std::string duration_text(int64_t us) {
  std::string out;
  append_duration(out, us);
  return out;
}

std::string ip_text(std::string_view text) {
  const std::optional<Value> ip = parse_ip(text);
  std::string out;
  if (ip) {
    append_ip(out, *ip);
  }
  return out;
}

TEST(Time, ReadsRfc3339) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_time("1970-01-01"), 0);
  EXPECT_EQ(parse_time("1970-01-01T01:00:00.5+01:00"), 500'000);
  EXPECT_EQ(parse_time("2026-11-23T23:59:59.123456789Z"), parse_time("2026-11-23T23:59:59.123456Z"));
  EXPECT_EQ(parse_time("2016-12-31T23:59:60Z"), parse_time("2016-12-31T23:59:59Z"));
  for (const char* bad :
       {"", "2026", "2026-13-01", "2026-02-30", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00Zx", "x026-01-01"}) {
    EXPECT_FALSE(parse_time(bad).has_value()) << bad;
  }
}

TEST(Time, WritesWhatItReads) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 10'000; i++) {
    const auto us = static_cast<int64_t>(random() % 250'000'000'000'000'000ull) - 60'000'000'000'000'000;
    ASSERT_EQ(parse_time(time_text(us)), us) << time_text(us);
  }
  EXPECT_EQ(time_text(1'500), "1970-01-01T00:00:00.001500Z");
  EXPECT_EQ(time_text(-1'000'000), "1969-12-31T23:59:59Z");
  EXPECT_FALSE(time_text(INT64_MIN).empty());
  EXPECT_FALSE(time_text(INT64_MAX).empty());
}

TEST(Time, KnowsTheCalendar) {
  const CivilTime t = civil_time(*parse_time("2024-02-29T12:34:56Z"));
  EXPECT_EQ(t.year, 2024);
  EXPECT_EQ(t.month, 2);
  EXPECT_EQ(t.day, 29);
  EXPECT_EQ(t.hour, 12);
  EXPECT_EQ(t.weekday, 4);
  EXPECT_EQ(civil_time(*parse_time("1969-12-28")).weekday, 7);
}

TEST(Duration, RoundTrips) {
  EXPECT_EQ(parse_duration("1h30m"), 5'400'000'000);
  EXPECT_EQ(parse_duration("-250ms"), -250'000);
  EXPECT_EQ(duration_text(90'061'000'000), "1d1h1m1s");
  EXPECT_EQ(duration_text(0), "0s");
  EXPECT_EQ(duration_text(INT64_MIN), "-106751991d4h54s775ms808us");
  for (const char* bad : {"", "-", "5", "5x", "m", "999999999999999w", "1 h"}) {
    EXPECT_FALSE(parse_duration(bad).has_value()) << bad;
  }
}

TEST(Ip, ReadsAndWrites) {
  EXPECT_EQ(ip_text("10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(ip_text("10.0.0.0/8"), "10.0.0.0/8");
  EXPECT_EQ(ip_text("2001:DB8:0::1"), "2001:db8::1");
  EXPECT_EQ(ip_text("::ffff:10.0.0.1"), "10.0.0.1");
  for (const char* bad :
       {"", "10.1", "10.1.2.3/8", "10.0.0.0/33", "::1/129", "1.2.3.4/", "fe80::1%eth0", "10.0.0.0/-1"}) {
    EXPECT_FALSE(parse_ip(bad).has_value()) << bad;
  }
}

TEST(Ip, NetworksContain) {
  const auto inside = [](const char* ip, const char* network) {
    return ip_inside(*parse_ip(ip), *parse_ip(network));
  };
  EXPECT_TRUE(inside("10.255.0.1", "10.0.0.0/8"));
  EXPECT_FALSE(inside("11.0.0.1", "10.0.0.0/8"));
  EXPECT_TRUE(inside("10.1.0.0/16", "10.0.0.0/8"));
  EXPECT_FALSE(inside("10.0.0.0/8", "10.1.0.0/16"));
  EXPECT_TRUE(inside("172.31.255.255", "172.16.0.0/12"));
  EXPECT_FALSE(inside("::1", "10.0.0.0/8"));
  EXPECT_TRUE(is_private_ip(*parse_ip("127.0.0.1")));
  EXPECT_FALSE(is_private_ip(*parse_ip("8.8.8.8")));
}

}  // namespace
}  // namespace catalyst::value
