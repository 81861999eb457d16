// Calls along a route: real coroutines and timers, fake servers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "runtime/base/clock.h"
#include "tests/unit/mcp/route_bench.h"

namespace catalyst::mcp {
namespace {

using routing::Outcome;
using testing::HasSubstr;

constexpr auto kAll =
    static_cast<uint8_t>(abi::RetryOn::Timeout) | static_cast<uint8_t>(abi::RetryOn::Unavailable);

RouteRule retrying(uint32_t attempts, uint8_t on = kAll) {
  RouteRule rule;
  rule.route.retry =
      abi::RetryPolicy{.attempts = attempts, .on = on, .backoff_min_ms = 1, .backoff_max_ms = 2};
  return rule;
}

TEST(Retry, ASafeCallGoesToAnotherTarget) {
  Bench bench(retrying(1));
  bench.places[0]->failure = broken();
  const auto sent = bench.call();
  EXPECT_THAT(sent->text(), HasSubstr(R"("from":"b")"));
  EXPECT_EQ(sent->attempts(), "a unavailable, b ok");
  EXPECT_EQ(bench.runner->group().retries, 1U);
}

TEST(Retry, AnUnsafeCallThatMayHaveBeenDoneDoesNot) {
  Bench bench(retrying(5));
  bench.places[0]->failure = broken();
  const auto sent = bench.call(Bench::unsafe());
  EXPECT_THAT(sent->text(), HasSubstr("broken"));
  EXPECT_EQ(sent->attempts(), "a unavailable");
  EXPECT_EQ(bench.places[1]->calls, 0);
}

TEST(Retry, AnUnsafeCallDoesWhenTheRouteSaysSo) {
  RouteRule rule = retrying(1);
  rule.route.repeatable = true;
  Bench bench(std::move(rule));
  bench.places[0]->failure = broken();
  EXPECT_EQ(bench.call(Bench::unsafe())->attempts(), "a unavailable, b ok");
}

TEST(Retry, WhatWasNeverSentGoesOnWithoutAnyPolicy) {
  Bench bench;
  bench.places[0]->failure = refused();
  const auto sent = bench.call(Bench::unsafe());
  EXPECT_EQ(sent->attempts(), "a refused, b ok");
  EXPECT_EQ(bench.runner->group().retries, 0U) << "that costs no budget";
}

TEST(Retry, OnlyWhatThePolicyNames) {
  Bench bench(retrying(3, static_cast<uint8_t>(abi::RetryOn::Timeout)));
  bench.places[0]->failure = broken();
  EXPECT_EQ(bench.call()->attempts(), "a unavailable");
}

TEST(Retry, GoesRoundAgainWhenEachHasFailed) {
  Bench bench(retrying(3));
  bench.places[0]->failure = broken();
  bench.places[0]->failures = 1;
  bench.places[1]->failure = broken();
  EXPECT_EQ(bench.call()->attempts(), "a unavailable, b unavailable, a ok");
}

TEST(Retry, WithinItsBudget) {
  RouteRule rule = retrying(1);
  rule.budget = {.percent = 0, .min_per_second = 0};
  Bench bench(std::move(rule));
  bench.places[0]->failure = broken();
  const auto sent = bench.call();
  EXPECT_EQ(sent->attempts(), "a unavailable");
  EXPECT_TRUE(sent->ask->trace.budget_denied);
  EXPECT_EQ(bench.runner->group().retries_denied, 1U);
}

TEST(Retry, AJsonRpcErrorIsAnAnswer) {
  Bench bench(retrying(3));
  bench.places[0]->result = "x";  // whatever it says
  EXPECT_EQ(bench.call()->attempts(), "a ok");
}

TEST(Deadline, IsOneForAllAttempts) {
  Bench bench(retrying(2), {1});
  bench.places[0]->wait_ms = 10'000;
  const int64_t start = steady_ms();
  const auto sent = bench.call(Bench::safe(), 300);
  const int64_t took = steady_ms() - start;
  EXPECT_EQ(sent->attempts(), "a timeout, a timeout, a timeout");
  EXPECT_GE(took, 250);
  EXPECT_LT(took, 600);
  ASSERT_EQ(bench.places[0]->timeouts.size(), 3U);
  EXPECT_LE(bench.places[0]->timeouts[0], 100);
}

TEST(Deadline, TheRoutesOwnCutsTheCalls) {
  RouteRule rule;
  rule.route.timeout_ms = 50;
  Bench bench(std::move(rule));
  bench.places[0]->wait_ms = 10'000;
  EXPECT_EQ(bench.call(Bench::unsafe(), 60'000)->attempts(), "a timeout");
}

TEST(Down, SaysWhyOfEachTarget) {
  Bench bench;
  bench.places[0]->up = false;
  bench.places[1]->up = false;
  EXPECT_THAT(bench.call()->text(), HasSubstr("no target can take the call (a: down, b: down)"));
}

TEST(Breaker, OpensAndLetsOneCallTry) {
  RouteRule rule;
  rule.route.breaker = abi::BreakerPolicy{.failures = 2, .window_ms = 10'000, .open_ms = 100};
  Bench bench(std::move(rule), {1});
  bench.places[0]->failure = broken();
  bench.call();
  EXPECT_EQ(bench.call()->ask->trace.attempts.back().breaker, routing::BreakerState::Open);
  EXPECT_THAT(bench.call()->text(), HasSubstr("a: open"));
  EXPECT_EQ(bench.places[0]->calls, 2);
  bench.run_for(1);
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  bench.places[0]->failure.reset();
  const auto sent = bench.call();
  EXPECT_EQ(sent->ask->trace.attempts.back().reason, routing::Reason::Probe);
  EXPECT_EQ(sent->ask->trace.attempts.back().breaker, routing::BreakerState::Closed);
}

TEST(Hedge, TheFasterOneWinsAndTheOtherIsCancelled) {
  RouteRule rule;
  rule.route.hedge_after_ms = 20;
  Bench bench(std::move(rule));
  bench.places[0]->wait_ms = 5'000;
  const int64_t start = steady_ms();
  const auto sent = bench.call(Bench::safe(), 10'000);
  EXPECT_LT(steady_ms() - start, 1'000);
  EXPECT_THAT(sent->text(), HasSubstr(R"("from":"b")"));
  EXPECT_EQ(bench.places[0]->cancelled_calls, 1);
  EXPECT_EQ(sent->attempts(), "b ok, a cancelled");
  EXPECT_TRUE(sent->ask->trace.attempts[0].hedge);
  EXPECT_EQ(bench.runner->group().hedges, 1U);
  EXPECT_EQ(bench.runner->group().hedges_won, 1U);
}

TEST(Hedge, AQuickOneIsLeftAlone) {
  RouteRule rule;
  rule.route.hedge_after_ms = 200;
  Bench bench(std::move(rule));
  bench.places[0]->wait_ms = 10;
  EXPECT_EQ(bench.call()->attempts(), "a ok");
  EXPECT_EQ(bench.places[1]->calls, 0);
}

TEST(Hedge, NotWhatMustNotBeDoneTwice) {
  RouteRule rule;
  rule.route.hedge_after_ms = 10;
  Bench bench(std::move(rule));
  bench.places[0]->wait_ms = 60;
  EXPECT_EQ(bench.call(Bench::unsafe())->attempts(), "a ok");
  EXPECT_EQ(bench.places[1]->calls, 0);
}

TEST(Hedge, TheFirstMayStillWin) {
  RouteRule rule;
  rule.route.hedge_after_ms = 10;
  Bench bench(std::move(rule));
  bench.places[0]->wait_ms = 60;
  bench.places[1]->wait_ms = 5'000;
  const auto sent = bench.call(Bench::safe(), 10'000);
  EXPECT_EQ(sent->attempts(), "a ok, b cancelled");
  EXPECT_EQ(bench.runner->group().hedges_won, 0U);
}

TEST(Hedge, WhoGoesAwayCancelsBoth) {
  RouteRule rule;
  rule.route.hedge_after_ms = 10;
  Bench bench(std::move(rule));
  bench.places[0]->wait_ms = 5'000;
  bench.places[1]->wait_ms = 5'000;
  const auto sent = bench.begin(Bench::safe(), 10'000);
  bench.run_for(60);
  EXPECT_EQ(bench.places[1]->calls, 1);
  sent->cancel.emit(asio::cancellation_type::terminal);
  bench.run_for(100);
  EXPECT_TRUE(sent->done);
  EXPECT_EQ(bench.places[0]->cancelled_calls + bench.places[1]->cancelled_calls, 2);
  for (const routing::MemberStatus& member : bench.runner->group().status(steady_ms())) {
    EXPECT_EQ(member.target.in_flight, 0U);
    EXPECT_EQ(member.outcomes[static_cast<size_t>(Outcome::Cancelled)], 1U);
  }
}

TEST(Bulkhead, TheNextCallWaitsForItsTurn) {
  Bench bench({}, {1}, {.in_flight = 1, .queue = 1});
  bench.places[0]->wait_ms = 40;
  const auto first = bench.begin(Bench::unsafe());
  const auto second = bench.begin(Bench::unsafe());
  const auto third = bench.begin(Bench::unsafe());
  bench.run_for(30);
  EXPECT_EQ(bench.places[0]->calls, 1);
  EXPECT_TRUE(third->done);
  EXPECT_THAT(third->text(), HasSubstr("too many calls at a time"));
  EXPECT_EQ(third->attempts(), "a full");
  bench.run_for(100);
  EXPECT_EQ(first->attempts(), "a ok");
  EXPECT_EQ(second->attempts(), "a ok");
}

TEST(Bulkhead, NobodyWaitsLongerThanTheCallMayTake) {
  Bench bench({}, {1}, {.in_flight = 1, .queue = 1});
  bench.places[0]->wait_ms = 300;
  const auto first = bench.begin(Bench::unsafe());
  const auto second = bench.begin(Bench::unsafe(), 50);
  bench.run_for(120);
  EXPECT_TRUE(second->done);
  EXPECT_EQ(second->attempts(), "a full");
  bench.run_for(300);
  EXPECT_EQ(first->attempts(), "a ok");
  EXPECT_EQ(bench.runner->lanes()->front().target->in_flight(), 0U);
}

TEST(Bulkhead, WhoGoesAwayWhileWaitingLeavesTheQueue) {
  Bench bench({}, {1}, {.in_flight = 1, .queue = 1});
  bench.places[0]->wait_ms = 50;
  const auto first = bench.begin(Bench::unsafe());
  const auto second = bench.begin(Bench::unsafe());
  bench.run_for(10);
  second->cancel.emit(asio::cancellation_type::terminal);
  bench.run_for(100);
  EXPECT_TRUE(first->done);
  EXPECT_TRUE(second->done);
  EXPECT_EQ(bench.places[0]->calls, 1);
  EXPECT_EQ(bench.runner->lanes()->front().target->in_flight(), 0U);
}

TEST(Conversation, StaysWhereItBegan) {
  Bench bench;
  bench.places[0]->result = R"({"resultType":"input_required","inputRequests":{},"requestState":"s 1"})";
  const auto first = bench.call(Bench::unsafe());
  EXPECT_THAT(first->text(), HasSubstr(R"("requestState":"a s 1")"));
  for (int i = 0; i < 3; ++i) {
    const auto next = bench.call(Bench::unsafe(), 1'000, R"({"name":"look","requestState":"a s 1"})");
    EXPECT_EQ(next->attempts(), "a ok");
    EXPECT_EQ(bench.places[0]->params.back(), R"({"name":"look","requestState":"s 1"})");
  }
  EXPECT_EQ(bench.places[1]->calls, 0);
}

TEST(Preferred, IsTakenWhileItIsWell) {
  Bench bench({}, {1, 1, 0});
  const auto ask = [] {
    auto out = Bench::safe();
    out->preferred = "c";
    return out;
  };
  EXPECT_EQ(bench.call(ask())->attempts(), "c ok");
  bench.places[2]->up = false;
  EXPECT_EQ(bench.call(ask())->attempts(), "a ok");
}

TEST(Trace, ExplainsItself) {
  Bench bench(retrying(1));
  bench.places[0]->failure = broken();
  const auto sent = bench.call();
  for (RouteAttempt& attempt : sent->ask->trace.attempts) {
    attempt.ms = 7;
  }
  EXPECT_EQ(sent->ask->trace.json(),
            R"({"route":"route","target":"b","why":"fallback","attempts":[)"
            R"({"target":"a","why":"weight","outcome":"unavailable","breaker":"closed","ms":7},)"
            R"({"target":"b","why":"fallback","outcome":"ok","breaker":"closed","ms":7}]})");
}

TEST(Weights, AreKeptOverManyCalls) {
  Bench bench({}, {3, 1});
  for (int i = 0; i < 400; ++i) {
    bench.call();
  }
  EXPECT_EQ(bench.places[0]->calls, 300);
  EXPECT_EQ(bench.places[1]->calls, 100);
}

}  // namespace
}  // namespace catalyst::mcp
