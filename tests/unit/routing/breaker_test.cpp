#include "runtime/routing/breaker.h"

#include <gtest/gtest.h>

namespace catalyst::routing {
namespace {

constexpr abi::BreakerPolicy kPolicy = {.failures = 3, .window_ms = 1'000, .open_ms = 5'000};

Breaker opened_at(int64_t now_ms) {
  Breaker breaker(kPolicy);
  for (int i = 0; i < 3; ++i) {
    breaker.failed(breaker.begin(now_ms), now_ms);
  }
  return breaker;
}

TEST(Breaker, OpensAfterFailuresWithinTheWindow) {
  Breaker breaker(kPolicy);
  breaker.failed(false, 0);
  breaker.failed(false, 400);
  EXPECT_TRUE(breaker.allows(400));
  breaker.failed(false, 800);
  EXPECT_FALSE(breaker.allows(800));
  EXPECT_EQ(breaker.state(800), BreakerState::Open);
}

TEST(Breaker, ForgetsFailuresThatAreOld) {
  Breaker breaker(kPolicy);
  breaker.failed(false, 0);
  breaker.failed(false, 500);
  breaker.failed(false, 1'000);  // the first one is just out of the window
  EXPECT_EQ(breaker.state(1'000), BreakerState::Closed);
  breaker.failed(false, 1'100);
  EXPECT_EQ(breaker.state(1'100), BreakerState::Open);
}

TEST(Breaker, HalfOpenLetsOneCallTry) {
  Breaker breaker = opened_at(0);
  EXPECT_FALSE(breaker.allows(4'999));
  EXPECT_TRUE(breaker.allows(5'000));
  EXPECT_EQ(breaker.state(5'000), BreakerState::HalfOpen);
  EXPECT_TRUE(breaker.begin(5'000));
  EXPECT_FALSE(breaker.allows(5'000));
  EXPECT_FALSE(breaker.begin(5'001));
}

TEST(Breaker, ASuccessfulProbeCloses) {
  Breaker breaker = opened_at(0);
  breaker.succeeded(breaker.begin(5'000));
  EXPECT_EQ(breaker.state(5'000), BreakerState::Closed);
  breaker.failed(false, 5'001);
  EXPECT_TRUE(breaker.allows(5'001)) << "it starts counting anew";
}

TEST(Breaker, AFailedProbeOpensAgain) {
  Breaker breaker = opened_at(0);
  breaker.failed(breaker.begin(5'000), 5'100);
  EXPECT_EQ(breaker.state(10'099), BreakerState::Open);
  EXPECT_EQ(breaker.state(10'100), BreakerState::HalfOpen);
}

TEST(Breaker, AnAbandonedProbeLetsTheNextOneTry) {
  Breaker breaker = opened_at(0);
  breaker.abandoned(breaker.begin(5'000));
  EXPECT_TRUE(breaker.begin(5'001));
}

TEST(Breaker, WhatWasSentBeforeItOpenedSaysNothing) {
  Breaker breaker = opened_at(0);
  breaker.succeeded(false);
  EXPECT_EQ(breaker.state(100), BreakerState::Open);
  breaker.failed(false, 4'000);
  EXPECT_EQ(breaker.state(5'000), BreakerState::HalfOpen);
}

TEST(Breaker, WithoutAPolicyItNeverOpens) {
  Breaker breaker{abi::BreakerPolicy()};
  for (int i = 0; i < 1000; ++i) {
    breaker.failed(breaker.begin(i), i);
  }
  EXPECT_TRUE(breaker.allows(1000));
}

}  // namespace
}  // namespace catalyst::routing
