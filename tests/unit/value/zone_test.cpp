#include "runtime/value/zone.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <random>

#include "runtime/value/time.h"

namespace catalyst::value {
namespace {

/// Against the C library, which reads the same files with code of its own.
TEST(Zone, AgreesWithTheCLibraryFrom1950To2200) {
  const ZoneDatabase& zones = zone_database();
  ASSERT_FALSE(zones.names().empty()) << "the package tzdata is not installed";
  std::mt19937_64 random(20261125);
  const char* const before = std::getenv("TZ");
  const std::string kept = before == nullptr ? "" : before;
  for (const std::string_view name : zones.names()) {
    const Zone* zone = zones.find(name);
    ASSERT_NE(zone, nullptr) << name;
    setenv("TZ", (":" + std::string(name)).c_str(), 1);
    tzset();
    for (int i = 0; i < 40; i++) {
      const auto second = static_cast<int64_t>(random() % 7'889'400'000ULL) - 631'152'000;
      const time_t at = second;
      tm parts{};
      ASSERT_NE(localtime_r(&at, &parts), nullptr);
      ASSERT_EQ(zone->offset_at(second), parts.tm_gmtoff) << name << " at " << second;
    }
  }
  before == nullptr ? unsetenv("TZ") : setenv("TZ", kept.c_str(), 1);
  tzset();
}

TEST(Zone, TheClockLeadsBackToTheTime) {
  const Zone* zone = zone_database().find("America/New_York");
  ASSERT_NE(zone, nullptr);
  std::mt19937_64 random(3);
  for (int i = 0; i < 10'000; i++) {
    const auto second = static_cast<int64_t>(random() % 7'889'400'000ULL) - 631'152'000;
    const int64_t wall = second + zone->offset_at(second);
    const int64_t back = zone->instant_of(wall);
    // In the hour that clocks show twice, the first time.
    EXPECT_TRUE(back == second || (back == second - 3600 && back + zone->offset_at(back) == wall)) << second;
  }
}

TEST(Zone, DamagedFilesAreNoZones) {
  std::ifstream in(zone_database().folder() + "/Europe/Berlin", std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  ASSERT_NE(Zone::parse(whole), nullptr);
  for (const size_t size : {size_t{0}, size_t{3}, size_t{44}, whole.size() / 2}) {
    EXPECT_EQ(Zone::parse(std::string_view(whole).substr(0, size)), nullptr) << size;
  }
  std::mt19937_64 random(5);
  for (int i = 0; i < 20'000; i++) {
    std::string damaged = whole;
    for (uint64_t n = 1 + random() % 4; n > 0; n--) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    if (const auto zone = Zone::parse(damaged)) {
      (void)zone->offset_at(static_cast<int64_t>(random()) / 1'000'000);
    }
  }
}

TEST(Zone, AMissingDatabaseHasNoNames) {
  const ZoneDatabase none("/nonexistent");
  EXPECT_TRUE(none.names().empty());
  EXPECT_EQ(none.find("UTC"), nullptr);
  EXPECT_EQ(zone_database().find("../../../etc/passwd"), nullptr);
}

TEST(Civil, DaysAndDatesAreInverse) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; i++) {
    const auto day = static_cast<int64_t>(random() % 200'000'000) - 100'000'000;
    const CivilTime date = civil_date(day);
    ASSERT_EQ(days_from_civil(date.year, date.month, date.day), day);
  }
}

}  // namespace
}  // namespace catalyst::value
