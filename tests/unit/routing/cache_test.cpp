#include <gtest/gtest.h>

#include <thread>

#include "runtime/routing/flights.h"
#include "runtime/routing/result_cache.h"

namespace catalyst::routing {
namespace {

TEST(ResultCache, KeepsUntilItIsTooOld) {
  ResultCache cache(1 << 20);
  EXPECT_EQ(cache.find("k", 0), nullptr);
  cache.put("k", "v", 100);
  ASSERT_NE(cache.find("k", 99), nullptr);
  EXPECT_EQ(*cache.find("k", 99), "v");
  EXPECT_EQ(cache.find("k", 100), nullptr);
  EXPECT_EQ(cache.entries(), 0U) << "what is too old goes when it is asked for";
}

TEST(ResultCache, ANewValueReplacesTheOld) {
  ResultCache cache(1 << 20);
  cache.put("k", "one", 100);
  const ResultCache::Value held = cache.find("k", 0);
  cache.put("k", "two", 200);
  EXPECT_EQ(*cache.find("k", 150), "two");
  EXPECT_EQ(*held, "one") << "whoever reads it goes on reading it";
  EXPECT_EQ(cache.entries(), 1U);
}

TEST(ResultCache, NeverHoldsMoreThanItMay) {
  constexpr size_t kBytes = 64 * 1024;
  ResultCache cache(kBytes);
  for (int i = 0; i < 2'000; ++i) {
    cache.put("key" + std::to_string(i), std::string(100, 'x'), 1'000);
    ASSERT_LE(cache.bytes(), kBytes);
  }
  EXPECT_GT(cache.entries(), 100U);
  EXPECT_LT(cache.entries(), 400U);
}

TEST(ResultCache, TheLongestUnusedGoesFirst) {
  ResultCache cache(64 * 1024);
  cache.put("used", "v", 1'000);
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_NE(cache.find("used", 0), nullptr);
    cache.put("key" + std::to_string(i), std::string(100, 'x'), 1'000);
  }
  EXPECT_EQ(cache.find("key0", 0), nullptr);
}

TEST(ResultCache, WhatDoesNotFitIsNotKept) {
  ResultCache cache(16 * 1024);
  cache.put("k", "small", 100);
  cache.put("k", std::string(2'000, 'x'), 100);
  EXPECT_EQ(cache.find("k", 0), nullptr) << "the old value is wrong now, too";
  EXPECT_EQ(cache.bytes(), 0U);
  ResultCache none(0);
  none.put("k", "v", 100);
  EXPECT_EQ(none.find("k", 0), nullptr);
}

TEST(ResultCache, ServesManyThreads) {
  ResultCache cache(256 * 1024);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 5'000; ++i) {
        const std::string key = "key" + std::to_string((i * 7 + t) % 900);
        if (const ResultCache::Value value = cache.find(key, 0)) {
          EXPECT_EQ(*value, key + "!");
        } else {
          cache.put(key, key + "!", 10);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_LE(cache.bytes(), 256U * 1024);
}

using Answers = Flights<std::string>;

TEST(Flights, OthersGetTheAnswerOfTheFirst) {
  Answers flights;
  std::vector<std::string> got;
  const auto landed = [&got](const std::shared_ptr<const std::string>& answer) {
    got.push_back(answer == nullptr ? "go" : *answer);
  };
  EXPECT_EQ(flights.join("k", landed), 0U);
  EXPECT_NE(flights.join("k", landed), 0U);
  EXPECT_NE(flights.join("k", landed), 0U);
  EXPECT_EQ(flights.join("other", landed), 0U);
  flights.land("k", std::make_shared<const std::string>("answer"));
  EXPECT_EQ(got, (std::vector<std::string>{"answer", "answer"}));
  EXPECT_EQ(flights.join("k", landed), 0U) << "the next one flies anew";
}

TEST(Flights, WhenTheFirstComesToNothingTheSecondGoes) {
  Answers flights;
  std::vector<std::string> got;
  const auto as = [&got](std::string who) {
    return [&got, who](const std::shared_ptr<const std::string>& answer) {
      got.push_back(who + (answer == nullptr ? " goes" : " has " + *answer));
    };
  };
  flights.join("k", as("first"));
  flights.join("k", as("second"));
  flights.join("k", as("third"));
  flights.land("k", nullptr);
  EXPECT_EQ(got, (std::vector<std::string>{"second goes"}));
  flights.land("k", std::make_shared<const std::string>("it"));
  EXPECT_EQ(got, (std::vector<std::string>{"second goes", "third has it"}));
  EXPECT_EQ(flights.size(), 0U);
}

TEST(Flights, WhoLeavesIsNotTold) {
  Answers flights;
  int told = 0;
  const auto landed = [&told](const std::shared_ptr<const std::string>&) { ++told; };
  flights.join("k", landed);
  const uint64_t number = flights.join("k", landed);
  EXPECT_TRUE(flights.leave("k", number));
  EXPECT_FALSE(flights.leave("k", number));
  flights.land("k", nullptr);
  EXPECT_EQ(told, 0);
  EXPECT_EQ(flights.size(), 0U);
}

}  // namespace
}  // namespace catalyst::routing
