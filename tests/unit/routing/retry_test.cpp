#include "runtime/routing/retry.h"

#include <gtest/gtest.h>

namespace catalyst::routing {
namespace {

TEST(RetryBudget, IsAShareOfTheTraffic) {
  RetryBudget budget({.percent = 20, .min_per_second = 0});
  for (int i = 0; i < 100; ++i) {
    budget.asked(1'000);
  }
  int granted = 0;
  for (int i = 0; i < 100; ++i) {
    granted += budget.take(1'500) ? 1 : 0;
  }
  EXPECT_EQ(granted, 20);
}

TEST(RetryBudget, ForgetsAfterTenSeconds) {
  RetryBudget budget({.percent = 10, .min_per_second = 0});
  for (int i = 0; i < 100; ++i) {
    budget.asked(0);
  }
  EXPECT_TRUE(budget.take(9'999));
  EXPECT_FALSE(budget.take(10'000)) << "the calls are too long ago";
  for (int i = 0; i < 100; ++i) {
    budget.asked(10'000);
  }
  int granted = 0;
  for (int i = 0; i < 100; ++i) {
    granted += budget.take(10'000) ? 1 : 0;
  }
  EXPECT_EQ(granted, 9) << "one of the last ten seconds is used up";
}

TEST(RetryBudget, LetsAQuietRouteRetry) {
  RetryBudget budget({.percent = 0, .min_per_second = 2});
  int granted = 0;
  for (int i = 0; i < 100; ++i) {
    granted += budget.take(5'000) ? 1 : 0;
  }
  EXPECT_EQ(granted, 20);
}

TEST(RetryBudget, NoneAtAll) {
  RetryBudget budget({.percent = 0, .min_per_second = 0});
  budget.asked(0);
  EXPECT_FALSE(budget.take(0));
}

TEST(Pause, HasFullJitterUpToADoublingStep) {
  const abi::RetryPolicy policy = {.attempts = 9, .on = 0, .backoff_min_ms = 50, .backoff_max_ms = 400};
  Random random(1);
  const int64_t steps[] = {50, 100, 200, 400, 400};
  for (uint32_t attempt = 1; attempt <= 5; ++attempt) {
    int64_t most = 0;
    int64_t least = 1'000;
    for (int i = 0; i < 2'000; ++i) {
      const int64_t pause = pause_ms(policy, attempt, random);
      most = std::max(most, pause);
      least = std::min(least, pause);
    }
    EXPECT_EQ(most, steps[attempt - 1]);
    EXPECT_EQ(least, 0);
  }
}

TEST(Pause, NoBackoffIsNoPause) {
  Random random(1);
  EXPECT_EQ(pause_ms({.attempts = 1}, 1, random), 0);
  EXPECT_EQ(pause_ms({.attempts = 1}, 40, random), 0);
}

TEST(RetriesOn, WhatThePolicyNames) {
  abi::RetryPolicy policy = {.attempts = 1, .on = static_cast<uint8_t>(abi::RetryOn::Timeout)};
  EXPECT_TRUE(retries_on(policy, Outcome::Timeout));
  EXPECT_FALSE(retries_on(policy, Outcome::Unavailable));
  policy.on = static_cast<uint8_t>(abi::RetryOn::Unavailable) | static_cast<uint8_t>(abi::RetryOn::Error);
  EXPECT_TRUE(retries_on(policy, Outcome::Unavailable));
  EXPECT_TRUE(retries_on(policy, Outcome::Error));
  EXPECT_FALSE(retries_on(policy, Outcome::Timeout));
  EXPECT_FALSE(retries_on(policy, Outcome::Ok));
  EXPECT_FALSE(retries_on(policy, Outcome::Cancelled));
}

}  // namespace
}  // namespace catalyst::routing
