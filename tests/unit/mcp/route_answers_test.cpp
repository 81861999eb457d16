// Answers that are not the target's alone: cache, identical calls on their way, shadow.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/mcp/route_bench.h"

namespace catalyst::mcp {
namespace {

using testing::HasSubstr;
using testing::Not;

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

TEST(Coalescing, WhatIsForOneOnlyIsFetchedByTheOthersAtOnce) {
  Bench bench(caching());
  for (const auto& place : bench.places) {
    place->wait_ms = 60;
    place->result = R"({"content":[],"isError":true})";
  }
  std::vector<std::shared_ptr<Sent>> all;
  for (int i = 0; i < 6; ++i) {
    all.push_back(bench.begin(Bench::safe()));
  }
  bench.run_for(250);  // twice the time of one, and not six times
  for (const auto& sent : all) {
    EXPECT_TRUE(sent->done);
  }
  EXPECT_EQ(calls_of(bench), 6);
}

TEST(Coalescing, AFailureIsNobodyElses) {
  for (const bool is_answer : {false, true}) {
    Bench bench(caching(abi::CacheScope::Shared));
    for (const auto& place : bench.places) {
      place->wait_ms = 40;
      place->failure = broken();
      place->failures = is_answer ? 0 : 1;
      place->refusals = is_answer ? 1 : 0;
    }
    bench.places[1]->up = false;
    const auto ann = bench.begin(Bench::safe("ann"));
    const auto bob = bench.begin(Bench::safe("bob"));
    const auto again = bench.begin(Bench::safe("ann"));
    bench.run_for(200);
    EXPECT_THAT(ann->text(), Not(HasSubstr("content")));
    EXPECT_EQ(again->text(), ann->text()) << "her own";
    EXPECT_EQ(again->ask->trace.cache, CacheUse::Joined);
    EXPECT_THAT(bob->text(), HasSubstr("content")) << "his call has not failed";
    EXPECT_EQ(calls_of(bench), 2);
  }
}

TEST(Coalescing, APrivateAnswerServesItsPrincipal) {
  Bench bench(caching(abi::CacheScope::Shared));
  for (const auto& place : bench.places) {
    place->wait_ms = 40;
    place->result = R"({"content":[],"cacheScope":"private"})";
  }
  const auto ann = bench.begin(Bench::safe("ann"));
  const auto bob = bench.begin(Bench::safe("bob"));
  const auto again = bench.begin(Bench::safe("ann"));
  bench.run_for(200);
  EXPECT_EQ(again->ask->trace.cache, CacheUse::Joined);
  EXPECT_EQ(bob->ask->trace.cache, CacheUse::Miss);
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

}  // namespace
}  // namespace catalyst::mcp
