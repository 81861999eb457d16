#include "runtime/decision/limits.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace catalyst::decision {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kStart = 1'700'000'000 * kSecond;

Bucket bucket(std::string_view key, int64_t count = 10, int64_t burst = 5) {
  return {"rule", key, count, kSecond, burst};
}

TEST(Limits, ABurstPassesAndThenTheRate) {
  MemoryLimitStore store(1024);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(store.take(bucket("ana"), kStart), 0) << i;
  }
  EXPECT_EQ(store.take(bucket("ana"), kStart), kSecond / 10);
  EXPECT_EQ(store.take(bucket("bob"), kStart), 0) << "keys count apart";
  EXPECT_GT(store.take(bucket("ana"), kStart + kSecond / 10 - 1), 0);
  EXPECT_EQ(store.take(bucket("ana"), kStart + kSecond / 10), 0);
  EXPECT_GT(store.take(bucket("ana"), kStart + kSecond / 10), 0);
}

TEST(Limits, OverALongTimeNoMoreThanTheRateAndOneBurstPass) {
  MemoryLimitStore store(1024);
  int passed = 0;
  for (int64_t at = 0; at < 60 * kSecond; at += kSecond / 100) {
    passed += store.take(bucket("ana"), kStart + at) == 0 ? 1 : 0;
  }
  EXPECT_LE(passed, 10 * 60 + 5);
  EXPECT_GE(passed, 10 * 60 - 1);
}

TEST(Limits, WhatIsGivenBackCanBeTakenAgain) {
  MemoryLimitStore store(1024);
  EXPECT_EQ(store.take(bucket("ana", 1, 1), kStart), 0);
  EXPECT_GT(store.take(bucket("ana", 1, 1), kStart), 0);
  store.give_back(bucket("ana", 1, 1));
  EXPECT_EQ(store.take(bucket("ana", 1, 1), kStart), 0);
}

TEST(Limits, AFullStoreForgetsWhatIsNearestToFull) {
  MemoryLimitStore store(8);
  const Bucket busy = bucket("busy", 1, 1'000);
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(store.take(busy, kStart), 0);
  }
  for (int i = 0; i < 100; ++i) {
    store.take(bucket("key " + std::to_string(i), 10, 5), kStart);
  }
  EXPECT_GT(store.take(busy, kStart), 0) << "the emptiest bucket is still known";
}

TEST(Limits, ThreadsShareABucketExactly) {
  MemoryLimitStore store(1024);
  std::atomic<int> passed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) {
        passed += store.take(bucket("shared", 1, 777), kStart) == 0 ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(passed, 777);
}

}  // namespace
}  // namespace catalyst::decision
