#include "runtime/routing/group.h"

#include <gtest/gtest.h>

#include <map>

namespace catalyst::routing {
namespace {

/// A route's group with targets a, b, c ... of these weights, and what can be done to them.
class Fixture {
 public:
  explicit Fixture(const std::vector<uint32_t>& weights, GroupOptions options = {},
                   BulkheadPolicy bulkhead = {}, OutlierPolicy outliers = {})
      : group(options) {
    reach.resize(weights.size(), Reach::Up);
    for (size_t i = 0; i < weights.size(); ++i) {
      targets.push_back(std::make_shared<Target>(std::string(1, static_cast<char>('a' + i)), bulkhead,
                                                 outliers, CheckPolicy{1, 1},
                                                 [this, i] { return reach[i]; }));
      members.push_back({targets[i], weights[i]});
    }
    group.set_members(members);
  }

  /// "a weight" or "none".
  std::string pick(const Choice& choice = {}, int64_t now = 0) {
    const std::optional<Pick> picked = group.pick(choice, now);
    return picked ? picked->target->name() + " " + std::string(text_of(picked->reason)) : "none";
  }
  /// Sends a call and ends it so.
  void call(Outcome outcome, int64_t now = 0) {
    const std::optional<Pick> picked = group.pick({}, now);
    ASSERT_TRUE(picked);
    group.end(*picked, outcome, now);
  }
  void end(size_t target, Outcome outcome, int64_t now) {
    group.end({targets[target], Reason::Only, false}, outcome, now);
  }

  std::vector<Reach> reach;
  std::vector<std::shared_ptr<Target>> targets;
  std::vector<Member> members;
  Group group;
};

TEST(Choice, ByWeight) {
  Fixture f({3, 1});
  std::map<std::string, int> counts;
  for (int i = 0; i < 400; ++i) {
    ++counts[f.pick()];
  }
  EXPECT_EQ(counts, (std::map<std::string, int>{{"a weight", 300}, {"b weight", 100}}));
}

TEST(Choice, TheOnlyOneSaysSo) {
  Fixture f({1});
  EXPECT_EQ(f.pick(), "a only");
}

TEST(Choice, PreferredWhileItIsHealthy) {
  Fixture f({1, 1, 0});
  EXPECT_EQ(f.pick({.preferred = "b"}), "b prefer");
  EXPECT_EQ(f.pick({.preferred = "c"}), "c prefer") << "also one without a weight";
  f.reach[1] = Reach::Down;
  EXPECT_EQ(f.pick({.preferred = "b"}), "a fallback");
}

TEST(Choice, WithoutWeightOnlyAsFallbackInOrder) {
  Fixture f({1, 0, 0});
  EXPECT_EQ(f.pick(), "a weight");
  EXPECT_EQ(f.pick(), "a weight");
  f.reach[0] = Reach::Down;
  EXPECT_EQ(f.pick(), "b fallback");
  f.reach[1] = Reach::Starting;
  EXPECT_EQ(f.pick(), "c fallback");
}

TEST(Choice, WhatFailedTheCallIsPassedBy) {
  Fixture f({1, 1});
  const Target* tried[] = {f.targets[0].get()};
  EXPECT_EQ(f.pick({.tried = tried}), "b fallback");
  const Target* both[] = {f.targets[0].get(), f.targets[1].get()};
  EXPECT_EQ(f.pick({.tried = both}), "none");
}

TEST(Choice, PinnedOrNothing) {
  Fixture f({1, 1});
  EXPECT_EQ(f.pick({.pinned = "b"}), "b pinned");
  f.targets[1]->checked(false);
  EXPECT_EQ(f.pick({.pinned = "b"}), "b pinned") << "its conversation is nowhere else";
  f.reach[1] = Reach::Down;
  EXPECT_EQ(f.pick({.pinned = "b"}), "none");
  EXPECT_EQ(f.pick({.pinned = "x"}), "none");
}

TEST(Choice, ByHashOfAKey) {
  Fixture f({1, 1, 1}, {.balance = abi::Balance::Hash});
  const std::string home = f.pick({.key = hash_text("alice")});
  EXPECT_TRUE(home.ends_with(" hash"));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(f.pick({.key = hash_text("alice")}), home);
  }
  EXPECT_TRUE(f.pick().ends_with(" weight")) << "without a key";
}

TEST(Choice, AnUnhealthyOneIsBetterThanNone) {
  Fixture f({1, 1});
  f.targets[0]->checked(false);
  EXPECT_EQ(f.pick(), "b weight");
  f.reach[1] = Reach::Down;
  EXPECT_EQ(f.pick(), "a last_resort");
  f.reach[0] = Reach::Starting;
  EXPECT_EQ(f.pick(), "a last_resort");
}

TEST(Choice, NeverWhatIsDownOrDrainingOrDiffers) {
  Fixture f({1, 1, 1});
  f.reach[0] = Reach::Down;
  f.targets[1]->drain(true);
  f.targets[2]->set_differing(true);
  EXPECT_EQ(f.pick(), "none");
  EXPECT_EQ(f.group.why_none(0), "a: down, b: draining, c: differing");
}

TEST(Choice, ABusyOneOnlyWhenAllAre) {
  Fixture f({1, 1}, {}, {.in_flight = 1, .queue = 5});
  f.targets[0]->enter();
  EXPECT_EQ(f.pick(), "b weight");
  f.targets[1]->enter();
  EXPECT_EQ(f.pick(), "a fallback");
}

TEST(Choice, NoTargets) {
  Group group({});
  EXPECT_FALSE(group.pick({}, 0));
  EXPECT_EQ(group.why_none(0), "it has no targets");
}

TEST(Breakers, OpenAndProbeByTarget) {
  Fixture f({1, 1}, {.breaker = {.failures = 2, .window_ms = 1'000, .open_ms = 5'000}});
  f.end(0, Outcome::Timeout, 0);
  f.end(0, Outcome::Unavailable, 0);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(f.pick({}, 100), "b weight");
  }
  EXPECT_EQ(f.group.breaker_of(*f.targets[0], 100), BreakerState::Open);
  std::map<std::string, int> counts;
  for (int i = 0; i < 10; ++i) {
    ++counts[f.pick({}, 5'000)];
  }
  EXPECT_EQ(counts["a probe"], 1) << "one at a time";
  EXPECT_EQ(counts["b weight"], 9);
  f.group.end({f.targets[0], Reason::Probe, true}, Outcome::Ok, 5'001);
  EXPECT_EQ(f.group.breaker_of(*f.targets[0], 5'001), BreakerState::Closed);
}

TEST(Breakers, WhenAllAreOpenNothingIsSent) {
  Fixture f({1}, {.breaker = {.failures = 1, .window_ms = 1'000, .open_ms = 5'000}});
  f.end(0, Outcome::Unavailable, 0);
  EXPECT_EQ(f.pick({}, 4'999), "none");
  EXPECT_EQ(f.pick({}, 5'000), "a probe");
}

TEST(Breakers, AreAnErrorOfTheCallsOwnNot) {
  Fixture f({1}, {.breaker = {.failures = 1, .window_ms = 1'000, .open_ms = 5'000}});
  f.call(Outcome::Error);
  f.call(Outcome::Cancelled);
  f.call(Outcome::Full);
  EXPECT_EQ(f.pick(), "a only");
}

TEST(Ejection, NeverMoreThanTheShare) {
  Fixture f({1, 1, 1}, {.eject_max_percent = 50}, {}, {.failures = 1, .eject_ms = 1'000});
  f.end(0, Outcome::Unavailable, 0);
  f.end(1, Outcome::Unavailable, 0);
  EXPECT_EQ(f.targets[0]->standing(0), Standing::Ejected);
  EXPECT_EQ(f.targets[1]->standing(0), Standing::Healthy) << "two of three were more than half";
  EXPECT_EQ(f.targets[0]->standing(1'000), Standing::Healthy);
}

TEST(Ejection, TheOnlyTargetStays) {
  Fixture f({1}, {}, {}, {.failures = 1});
  f.end(0, Outcome::Unavailable, 0);
  EXPECT_EQ(f.pick(), "a only");
}

TEST(Members, ThoseWhoStayKeepWhatIsKnownOfThem) {
  Fixture f({1, 1}, {.breaker = {.failures = 1, .window_ms = 1'000, .open_ms = 5'000}});
  f.end(0, Outcome::Unavailable, 0);
  std::vector<Member> members = f.members;
  members[1].weight = 7;
  members.push_back({std::make_shared<Target>("c", BulkheadPolicy{}, OutlierPolicy{}, CheckPolicy{},
                                              [] { return Reach::Up; }),
                     2});
  f.group.set_members(members);
  const std::vector<MemberStatus> status = f.group.status(1);
  ASSERT_EQ(status.size(), 3U);
  EXPECT_EQ(status[0].target.standing, Standing::Open);
  EXPECT_EQ(status[0].outcomes[static_cast<size_t>(Outcome::Unavailable)], 1U);
  EXPECT_EQ(status[1].weight, 7U);
  EXPECT_EQ(status[2].name, "c");
  f.group.set_members({members[2]});
  EXPECT_EQ(f.pick({}, 1), "c only");
}

TEST(Budget, CountsWhatItDenies) {
  Fixture f({1}, {.budget = {.percent = 50, .min_per_second = 0}});
  f.group.asked(0);
  f.group.asked(0);
  EXPECT_TRUE(f.group.may_retry(0));
  EXPECT_FALSE(f.group.may_retry(0));
  EXPECT_EQ(f.group.calls, 2U);
  EXPECT_EQ(f.group.retries, 1U);
  EXPECT_EQ(f.group.retries_denied, 1U);
}

}  // namespace
}  // namespace catalyst::routing
