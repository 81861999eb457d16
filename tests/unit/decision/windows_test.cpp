#include "runtime/decision/windows.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

#include "runtime/value/decimal.h"

namespace catalyst::decision {
namespace {

using abi::WindowInfo;
using abi::WindowKind;
using value::Value;

constexpr int64_t kMinute = 60'000'000;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kStart = 1'700'000'000'000'000;

WindowInfo window(WindowKind kind, const std::string& name = "w", int64_t within_us = kHour) {
  return {name, kind, abi::Hook::Call, 0, WindowInfo::kNone, WindowInfo::kNone, within_us};
}

Value amount(const char* text) {
  Value out;
  EXPECT_EQ(value::decimal::parse(text, &out), value::Status::Ok);
  return out;
}

int64_t whole(const Value& v) {
  EXPECT_EQ(v.kind, value::Kind::Int);
  return v.a.integer;
}

TEST(Windows, NothingIsMissedAndAtMostASixtiethMoreIsCounted) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    WindowCounter counter(WindowKind::Count, kHour);
    std::vector<int64_t> times;
    int64_t at = kStart + static_cast<int64_t>(random() % kHour);
    for (size_t n = random() % 400; n > 0; --n) {
      at += static_cast<int64_t>(random() % (2 * kMinute));
      counter.add({}, 0, at);
      times.push_back(at);
    }
    const int64_t now = at + static_cast<int64_t>(random() % (2 * kHour));
    const auto within = [&](int64_t reach) {
      return std::count_if(times.begin(), times.end(), [&](int64_t t) { return t > now - reach; });
    };
    EXPECT_GE(whole(counter.read(now)), within(kHour));
    EXPECT_LE(whole(counter.read(now)), within(kHour + kHour / 60));
  }
}

TEST(Windows, ASumNeverShrinksByWhatIsAdded) {
  WindowCounter counter(WindowKind::Sum, kHour);
  counter.add(amount("900"), 0, kStart);
  counter.add(amount("-800.5"), 0, kStart + kMinute);
  counter.add(amount("0.25"), 0, kStart + kMinute);
  EXPECT_EQ(value::decimal::to_double(counter.read(kStart + kMinute)), 900.25);
}

TEST(Windows, BytesWithASumBelowZeroAreNoCounter) {
  WindowCounter counter(WindowKind::Sum, kHour);
  counter.add(amount("900"), 0, kStart);
  std::string bytes = counter.save();
  ASSERT_TRUE(WindowCounter::load(bytes).has_value());
  bytes.back() = static_cast<char>(0x80);  // the sign, in the highest byte of the last number
  EXPECT_FALSE(WindowCounter::load(bytes).has_value());
}

TEST(Windows, AfterAQuietTimeTheCountBeginsAnew) {
  WindowCounter counter(WindowKind::Count, kHour);
  for (int i = 0; i < 100; ++i) {
    counter.add({}, 0, kStart);
  }
  EXPECT_EQ(whole(counter.read(kStart + kHour)), 100);
  EXPECT_EQ(whole(counter.read(kStart + 2 * kHour)), 0);
  counter.add({}, 0, kStart + 100 * kHour);
  EXPECT_EQ(whole(counter.read(kStart + 100 * kHour)), 1);
}

TEST(Windows, AClockThatGoesBackLosesNothing) {
  WindowCounter counter(WindowKind::Count, kHour);
  counter.add({}, 0, kStart);
  counter.add({}, 0, kStart - 10 * kHour);
  EXPECT_EQ(whole(counter.read(kStart)), 2);
  EXPECT_EQ(whole(counter.read(kStart - 10 * kHour)), 2);
}

TEST(Windows, SumsAreExactAndSayWhenTheyCannotBeHeld) {
  WindowCounter counter(WindowKind::Sum, kHour);
  for (int i = 0; i < 10; ++i) {
    counter.add(amount("0.1"), 0, kStart + i * kMinute);
  }
  EXPECT_EQ(value::decimal::compare(counter.read(kStart + 10 * kMinute), amount("1")),
            std::strong_ordering::equal);
  const Value huge = amount("170141183460469231731687303715884105727");
  counter.add(huge, 0, kStart + 11 * kMinute);
  counter.add(huge, 0, kStart + 11 * kMinute);
  EXPECT_EQ(counter.read(kStart + 12 * kMinute).kind, value::Kind::Invalid);
  EXPECT_EQ(counter.read(kStart + 3 * kHour).kind, value::Kind::Decimal);
}

TEST(Windows, DifferentTextsCountOnceEachUpToABound) {
  WindowCounter counter(WindowKind::Distinct, kHour);
  for (uint64_t text = 1; text <= WindowCounter::kDistinctMax; ++text) {
    counter.add({}, text, kStart);
    counter.add({}, text, kStart);
  }
  EXPECT_EQ(whole(counter.read(kStart)), int64_t{WindowCounter::kDistinctMax});
  counter.add({}, 999'999, kStart + kMinute);
  EXPECT_EQ(counter.read(kStart + kMinute).kind, value::Kind::Invalid) << "not a number that is too small";
  counter.add({}, 5, kStart + 3 * kHour);
  EXPECT_EQ(whole(counter.read(kStart + 3 * kHour)), 1);
}

TEST(Windows, WhatIsSavedGoesOnWhereItWas) {
  for (const WindowKind kind : {WindowKind::Count, WindowKind::Sum, WindowKind::Distinct}) {
    WindowCounter counter(kind, kHour);
    for (int i = 0; i < 30; ++i) {
      counter.add(amount("1.5"), static_cast<uint64_t>(i % 7 + 1), kStart + i * kMinute);
    }
    const std::string bytes = counter.save();
    auto loaded = WindowCounter::load(bytes);
    ASSERT_TRUE(loaded.has_value());
    for (const int64_t later : {30 * kMinute, 80 * kMinute, 3 * kHour}) {
      const Value before = counter.read(kStart + later);
      const Value after = loaded->read(kStart + later);
      EXPECT_EQ(before.kind, after.kind);
      EXPECT_EQ(before.a.low, after.a.low);
    }
    EXPECT_EQ(loaded->save(), bytes);
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      const auto damaged = WindowCounter::load(std::string_view(bytes).substr(0, cut));
      if (damaged) {
        (void)damaged->read(kStart);
      }
    }
    std::mt19937_64 random(1);
    for (int i = 0; i < 2000; ++i) {
      std::string altered = bytes;
      altered[random() % altered.size()] = static_cast<char>(random());
      if (auto damaged = WindowCounter::load(altered)) {
        damaged->add(amount("1"), 3, kStart + kHour);
        (void)damaged->read(kStart + kHour);
        (void)damaged->save();
      }
    }
  }
}

TEST(Windows, KeysAndWindowsCountApartAndNamesAreShared) {
  MemoryWindowStore store(1024, {{1, 2}});
  store.add(window(WindowKind::Count), "ana", {}, kStart);
  store.add(window(WindowKind::Count), "ana", {}, kStart);
  store.add(window(WindowKind::Count), "bob", {}, kStart);
  EXPECT_EQ(whole(store.read(window(WindowKind::Count), "ana", kStart)), 2);
  EXPECT_EQ(whole(store.read(window(WindowKind::Count), "bob", kStart)), 1);
  EXPECT_EQ(whole(store.read(window(WindowKind::Count), "eve", kStart)), 0);
  EXPECT_EQ(whole(store.read(window(WindowKind::Count, "other"), "ana", kStart)), 0);
}

TEST(Windows, AFullStoreForgetsWhatIsQuietAndSaysSo) {
  MemoryWindowStore store(8, {{1, 2}});
  for (int i = 0; i < 100; ++i) {
    store.add(window(WindowKind::Count), "key " + std::to_string(i), {}, kStart + i * kMinute / 100);
    store.add(window(WindowKind::Count), "busy", {}, kStart + i * kMinute / 100);
  }
  EXPECT_EQ(whole(store.read(window(WindowKind::Count), "busy", kStart + kMinute)), 100);
  EXPECT_GT(store.forgotten(), 80U);
}

TEST(Windows, WhatChangedIsTakenOnceAndCanBePutBack) {
  const HashSecret secret{{3, 4}};
  MemoryWindowStore store(1024, secret);
  for (int i = 0; i < 300; ++i) {
    store.add(window(WindowKind::Count), "key " + std::to_string(i), {}, kStart);
  }
  MemoryWindowStore second(1024, secret);
  size_t taken = 0;
  for (auto rows = store.take_changed(50); !rows.empty(); rows = store.take_changed(50)) {
    EXPECT_LT(rows.size(), 50U + 8U);
    for (const WindowRow& row : rows) {
      ++taken;
      EXPECT_TRUE(second.restore(row));
    }
  }
  EXPECT_EQ(taken, 300U);
  EXPECT_TRUE(second.take_changed(50).empty()) << "what was put back has not changed";
  EXPECT_EQ(whole(second.read(window(WindowKind::Count), "key 7", kStart)), 1);
  store.add(window(WindowKind::Count), "key 7", {}, kStart);
  const std::vector<WindowRow> rows = store.take_changed(50);
  EXPECT_EQ(rows.size(), 1U);
  EXPECT_TRUE(store.take_changed(50).empty());
  store.take_again(rows);
  EXPECT_EQ(store.take_changed(50).size(), 1U);
  EXPECT_FALSE(second.restore({7, kStart, "nonsense"}));
}

TEST(Windows, ThreadsCountTogetherExactly) {
  MemoryWindowStore store(64, {{1, 2}});
  constexpr int kThreads = 4;
  constexpr int kEach = 20'000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&store, t] {
      for (int i = 0; i < kEach; ++i) {
        store.add(window(WindowKind::Count), "all", {}, kStart + i);
        store.add(window(WindowKind::Count), "own " + std::to_string(t), {}, kStart + i);
        (void)store.read(window(WindowKind::Count), "all", kStart + i);
      }
    });
  }
  threads.emplace_back([&store] {
    for (int i = 0; i < 200; ++i) {
      (void)store.take_changed(10);
    }
  });
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(whole(store.read(window(WindowKind::Count), "all", kStart + kEach)), kThreads * kEach);
}

}  // namespace
}  // namespace catalyst::decision
