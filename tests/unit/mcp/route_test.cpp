// Calls along a route: real coroutines and timers, fake servers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>

#include "runtime/mcp/clock.h"
#include "runtime/mcp/route_runner.h"
#include "tests/unit/mcp/fakes.h"

namespace catalyst::mcp {
namespace {

using routing::Outcome;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kAll =
    static_cast<uint8_t>(abi::RetryOn::Timeout) | static_cast<uint8_t>(abi::RetryOn::Unavailable);

UpstreamReply reply_with(std::string text, bool is_error = false) {
  UpstreamReply reply;
  reply.body = std::move(text);
  reply.payload = reply.body;
  reply.is_error = is_error;
  return reply;
}

/// A server that answers calls with its own name, after a while, or fails.
class Place : public FakeUpstream {
 public:
  explicit Place(const std::string& name) : FakeUpstream(name, Era::Modern) {}

  std::optional<Error> failure;
  int failures = -1;  // so many calls fail; -1: all
  std::string result;
  int wait_ms = 0;
  int calls = 0;
  int cancelled_calls = 0;
  std::vector<int64_t> timeouts;
  std::vector<std::string> params;

  Task<Result<UpstreamReply>> call(const UpstreamCall& call) override {
    ++calls;
    timeouts.push_back(call.timeout_ms);
    params.emplace_back(call.params);
    if (wait_ms > 0) {
      SteadyTimer timer(co_await asio::this_coro::executor,
                        std::chrono::milliseconds(std::min<int64_t>(wait_ms, call.timeout_ms)));
      const auto [failed] = co_await timer.async_wait(asio::as_tuple(use_awaitable));
      if (failed) {
        ++cancelled_calls;
        co_return error(asio::error::operation_aborted, "cancelled");
      }
      if (wait_ms > call.timeout_ms) {
        co_return error(asio::error::timed_out, "too slow");
      }
    }
    if (failure && failures != 0) {
      failures -= failures > 0 ? 1 : 0;
      co_return *failure;
    }
    co_return reply_with(result.empty() ? R"({"content":[],"from":")" + name() + "\"}" : result);
  }
};

struct Sent {
  std::optional<Result<UpstreamReply>> reply;
  std::shared_ptr<RouteAsk> ask;
  asio::cancellation_signal cancel;
  UpstreamCall call;
  std::string params;
  bool done = false;

  [[nodiscard]] std::string text() const {
    return !reply   ? "nothing"
           : *reply ? std::string((*reply)->payload)
                    : "failed: " + reply->error().message();
  }
  [[nodiscard]] std::string attempts() const {
    std::string out;
    for (const RouteAttempt& attempt : ask->trace.attempts) {
      out +=
          (out.empty() ? "" : ", ") + attempt.target + " " + std::string(routing::text_of(attempt.outcome));
    }
    return out;
  }
};

class Bench {
 public:
  explicit Bench(RouteRule rule = {}, const std::vector<uint32_t>& weights = {1, 1},
                 routing::BulkheadPolicy bulkhead = {})
      : cache(1 << 20) {
    rule.route.name = "route";
    if (rule.shadow) {
      shadow = std::make_shared<Place>("shadow");
      rule.shadow->upstream = shadow;
    }
    runner = std::make_shared<RouteRunner>(std::move(rule), cache, 1);
    auto lanes = std::make_shared<Lanes>();
    for (size_t i = 0; i < weights.size(); ++i) {
      auto place = std::make_shared<Place>(std::string(1, static_cast<char>('a' + i)));
      Lane lane;
      lane.upstream = place;
      lane.weight = weights[i];
      lane.target = std::make_shared<routing::Target>(
          place->name(), bulkhead, routing::OutlierPolicy{}, routing::CheckPolicy{},
          [place] { return place->up ? routing::Reach::Up : routing::Reach::Down; });
      lanes->push_back(lane);
      places.push_back(std::move(place));
    }
    runner->set_lanes(std::move(lanes));
  }

  static std::shared_ptr<RouteAsk> safe(const std::string& principal = "ann",
                                        const std::string& arguments = "{}") {
    auto ask = std::make_shared<RouteAsk>();
    ask->read_only = true;
    ask->principal = principal;
    ask->tool = "look";
    ask->arguments = arguments;
    return ask;
  }
  static std::shared_ptr<RouteAsk> unsafe() {
    auto ask = safe();
    ask->read_only = false;
    return ask;
  }

  std::shared_ptr<Sent> begin(std::shared_ptr<RouteAsk> ask, int64_t timeout_ms = 1'000,
                              std::string params = R"({"name":"look"})") {
    auto sent = std::make_shared<Sent>();
    sent->ask = std::move(ask);
    sent->params = std::move(params);
    sent->call.method = "tools/call";
    sent->call.params = sent->params;
    sent->call.timeout_ms = timeout_ms;
    sent->call.route = sent->ask;
    asio::co_spawn(io, send(sent),
                   asio::bind_cancellation_slot(sent->cancel.slot(),
                                                [sent](const std::exception_ptr&) { sent->done = true; }));
    return sent;
  }
  void run_for(int ms) {
    io.restart();
    io.run_for(std::chrono::milliseconds(ms));
  }
  std::shared_ptr<Sent> call(std::shared_ptr<RouteAsk> ask = safe(), int64_t timeout_ms = 1'000,
                             std::string params = R"({"name":"look"})") {
    auto sent = begin(std::move(ask), timeout_ms, std::move(params));
    for (int i = 0; i < 2'000 && !sent->done; ++i) {
      run_for(1);
    }
    return sent;
  }

  asio::io_context io;
  routing::ResultCache cache;
  std::vector<std::shared_ptr<Place>> places;
  std::shared_ptr<Place> shadow;
  std::shared_ptr<RouteRunner> runner;

 private:
  Task<void> send(std::shared_ptr<Sent> sent) { sent->reply.emplace(co_await runner->call(sent->call)); }
};

RouteRule retrying(uint32_t attempts, uint8_t on = kAll) {
  RouteRule rule;
  rule.route.retry =
      abi::RetryPolicy{.attempts = attempts, .on = on, .backoff_min_ms = 1, .backoff_max_ms = 2};
  return rule;
}

Error broken() { return error(asio::error::connection_reset, "broken"); }
Error refused() { return error(asio::error::connection_refused, "refused"); }

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

RouteRule caching(abi::CacheScope scope = abi::CacheScope::Principal, uint32_t ttl_ms = 60'000) {
  RouteRule rule;
  rule.route.cache = abi::CachePolicy{ttl_ms, scope};
  return rule;
}

int calls_of(const Bench& bench) { return bench.places[0]->calls + bench.places[1]->calls; }

TEST(Cache, GivesAResultAgain) {
  Bench bench(caching());
  const auto first = bench.call();
  const auto second = bench.call();
  EXPECT_EQ(second->text(), first->text());
  EXPECT_EQ(first->ask->trace.cache, CacheUse::Miss);
  EXPECT_EQ(second->ask->trace.cache, CacheUse::Hit);
  EXPECT_EQ(second->attempts(), "");
  EXPECT_EQ(calls_of(bench), 1);
}

TEST(Cache, TheKeyNamesPrincipalToolAndArguments) {
  Bench bench(caching());
  bench.call(Bench::safe("ann", R"({"q":1})"));
  bench.call(Bench::safe("bob", R"({"q":1})"));
  bench.call(Bench::safe("ann", R"({"q":2})"));
  auto other = Bench::safe("ann", R"({"q":1})");
  other->tool = "see";
  bench.call(other);
  EXPECT_EQ(calls_of(bench), 4);
}

TEST(Cache, AnIdAndArgumentsNeverRunTogether) {
  Bench bench(caching());
  auto one = Bench::safe("b", "a");
  auto two = Bench::safe("", "ab");
  bench.call(one);
  bench.call(two);
  EXPECT_EQ(calls_of(bench), 2);
}

TEST(Cache, APublicOneServesEverybody) {
  Bench bench(caching(abi::CacheScope::Shared));
  bench.call(Bench::safe("ann"));
  EXPECT_EQ(bench.call(Bench::safe("bob"))->ask->trace.cache, CacheUse::Hit);
}

TEST(Cache, ButNotWhatTheResultSaysIsPrivate) {
  Bench bench(caching(abi::CacheScope::Shared));
  bench.places[0]->result = bench.places[1]->result = R"({"content":[],"cacheScope":"private"})";
  bench.call(Bench::safe("ann"));
  EXPECT_EQ(bench.call(Bench::safe("bob"))->ask->trace.cache, CacheUse::Miss);
  EXPECT_EQ(bench.call(Bench::safe("ann"))->ask->trace.cache, CacheUse::Hit);
}

TEST(Cache, ErrorsAndQuestionsAreNeverKept) {
  for (const char* result :
       {R"({"content":[],"isError":true})", R"({"content":[],"ttlMs":0})",
        R"({"resultType":"input_required","inputRequests":{}})", R"({"resultType":"task"})"}) {
    Bench bench(caching());
    bench.places[0]->result = bench.places[1]->result = result;
    bench.call();
    bench.call();
    EXPECT_EQ(calls_of(bench), 2) << result;
  }
  Bench bench(caching());
  bench.places[0]->failure = broken();
  bench.places[0]->failures = 1;
  bench.call();
  EXPECT_EQ(bench.call()->ask->trace.cache, CacheUse::Miss);
}

TEST(Cache, NoLongerThanEitherSays) {
  Bench bench(caching(abi::CacheScope::Principal, 30));
  bench.call();
  std::this_thread::sleep_for(std::chrono::milliseconds(40));
  EXPECT_EQ(bench.call()->ask->trace.cache, CacheUse::Miss);
  Bench hinted(caching());
  hinted.places[0]->result = hinted.places[1]->result = R"({"content":[],"ttlMs":30})";
  hinted.call();
  EXPECT_EQ(hinted.call()->ask->trace.cache, CacheUse::Hit);
  std::this_thread::sleep_for(std::chrono::milliseconds(40));
  EXPECT_EQ(hinted.call()->ask->trace.cache, CacheUse::Miss);
}

TEST(Cache, OnlyWhatReads) {
  Bench bench(caching());
  bench.call(Bench::unsafe());
  bench.call(Bench::unsafe());
  EXPECT_EQ(calls_of(bench), 2);
}

TEST(Cache, AKeyOfTheRouteCounts) {
  Bench bench(caching());
  const auto keyed = [](std::string principal, std::string key) {
    auto ask = Bench::safe(principal);
    ask->cache_key = std::move(key);
    return ask;
  };
  bench.call(keyed("ann", "k"));
  EXPECT_EQ(bench.call(keyed("bob", "k"))->ask->trace.cache, CacheUse::Hit);
  EXPECT_EQ(bench.call(keyed("bob", ""))->ask->trace.cache, CacheUse::None) << "not to be kept";
}

TEST(Coalescing, IdenticalCallsShareOneAnswer) {
  Bench bench(caching());
  bench.places[0]->wait_ms = bench.places[1]->wait_ms = 40;
  const auto first = bench.begin(Bench::safe());
  const auto second = bench.begin(Bench::safe());
  const auto other = bench.begin(Bench::safe("bob"));
  bench.run_for(120);
  EXPECT_EQ(second->text(), first->text());
  EXPECT_EQ(second->ask->trace.cache, CacheUse::Joined);
  EXPECT_EQ(other->ask->trace.cache, CacheUse::Miss);
  EXPECT_EQ(calls_of(bench), 2);
}

TEST(Coalescing, WhenTheFirstGoesAwayTheNextOneGoes) {
  Bench bench(caching());
  bench.places[0]->wait_ms = bench.places[1]->wait_ms = 40;
  const auto first = bench.begin(Bench::safe());
  const auto second = bench.begin(Bench::safe());
  bench.run_for(10);
  first->cancel.emit(asio::cancellation_type::terminal);
  bench.run_for(120);
  EXPECT_TRUE(first->done);
  EXPECT_THAT(second->text(), HasSubstr("content"));
  EXPECT_EQ(calls_of(bench), 2);
}

TEST(Coalescing, WhoWaitsMayGoAway) {
  Bench bench(caching());
  bench.places[0]->wait_ms = 40;
  const auto first = bench.begin(Bench::safe());
  const auto second = bench.begin(Bench::safe());
  bench.run_for(10);
  second->cancel.emit(asio::cancellation_type::terminal);
  bench.run_for(120);
  EXPECT_TRUE(second->done);
  EXPECT_THAT(first->text(), HasSubstr("content"));
  EXPECT_EQ(calls_of(bench), 1);
}

RouteRule shadowing(uint32_t share_ppm) {
  RouteRule rule;
  rule.route.shadow = abi::ShadowPolicy{"shadow", share_ppm};
  rule.shadow.emplace();
  return rule;
}

TEST(Shadow, GetsACopyAndItsAnswerIsCompared) {
  Bench bench(shadowing(1'000'000));
  bench.places[0]->result = bench.places[1]->result = R"({"content":[1],"_meta":{"t":1}})";
  bench.shadow->result = R"({"_meta":{"t":2},"content":[1]})";
  EXPECT_TRUE(bench.call()->ask->trace.shadowed);
  bench.shadow->result = R"({"content":[2]})";
  bench.shadow->wait_ms = 20;
  EXPECT_THAT(bench.call()->text(), HasSubstr("[1]"));
  bench.run_for(60);
  EXPECT_EQ(bench.runner->group().shadows_same, 1U);
  EXPECT_EQ(bench.runner->group().shadows_different, 1U);
}

TEST(Shadow, WhatFailsThereConcernsNobody) {
  Bench bench(shadowing(1'000'000));
  bench.shadow->failure = broken();
  EXPECT_EQ(bench.call()->attempts(), "a ok");
  EXPECT_EQ(bench.runner->group().shadows_failed, 1U);
}

TEST(Shadow, OnlyItsShareAndOnlyWhatIsSafe) {
  Bench none(shadowing(0));
  none.call();
  EXPECT_EQ(none.shadow->calls, 0);
  Bench all(shadowing(1'000'000));
  all.call(Bench::unsafe());
  EXPECT_EQ(all.shadow->calls, 0);
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
