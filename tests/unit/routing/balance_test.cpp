#include "runtime/routing/balance.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace catalyst::routing {
namespace {

/// Targets with these weights, and the state that round robin keeps of them.
struct Pool {
  explicit Pool(const std::vector<uint32_t>& weights) : current(weights.size()) {
    for (size_t i = 0; i < weights.size(); ++i) {
      candidates.push_back({i, weights[i], 0, hash_text("target" + std::to_string(i)), &current[i]});
    }
  }
  std::vector<int64_t> current;
  std::vector<Candidate> candidates;
};

TEST(Weighted, SpreadsTheHeavyOneOverTheCycle) {
  Pool pool({5, 1, 1});
  std::string order;
  for (int i = 0; i < 14; ++i) {
    order += static_cast<char>('a' + next_weighted(pool.candidates));
  }
  EXPECT_EQ(order, "aabacaaaabacaa");
}

TEST(Weighted, EqualWeightsGoInTurn) {
  Pool pool({1, 1, 1});
  std::string order;
  for (int i = 0; i < 6; ++i) {
    order += static_cast<char>('a' + next_weighted(pool.candidates));
  }
  EXPECT_EQ(order, "abcabc");
}

TEST(Weighted, SharesAreExactOverACycle) {
  Pool pool({7, 2, 4});
  std::vector<int> counts(3);
  for (int i = 0; i < 1300; ++i) {
    ++counts[next_weighted(pool.candidates)];
  }
  EXPECT_EQ(counts, (std::vector<int>{700, 200, 400}));
}

TEST(LeastLoaded, NeverTakesTheBusierOfTwo) {
  Pool pool({1, 1});
  pool.candidates[0].in_flight = 3;
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(next_least_loaded(pool.candidates, random), 1U);
  }
}

TEST(LeastLoaded, CountsLoadByWeight) {
  Pool pool({4, 1});
  pool.candidates[0].in_flight = 2;  // (2 + 1) / 4 < (0 + 1) / 1
  Random random(2);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(next_least_loaded(pool.candidates, random), 0U);
  }
}

TEST(LeastLoaded, KeepsCallsUnderWayInTheProportionOfWeights) {
  Pool pool({3, 1, 2, 1});
  Random random(3);
  for (int i = 0; i < 7000; ++i) {
    ++pool.candidates[next_least_loaded(pool.candidates, random)].in_flight;
  }
  for (const Candidate& candidate : pool.candidates) {
    EXPECT_NEAR(candidate.in_flight, 1000.0 * candidate.weight, 20.0 * candidate.weight);
  }
}

TEST(LeastLoaded, WithoutLoadEveryoneIsChosen) {
  Pool pool({1, 1, 1});
  Random random(4);
  std::map<size_t, int> counts;
  for (int i = 0; i < 3000; ++i) {
    ++counts[next_least_loaded(pool.candidates, random)];
  }
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(counts[i], 1000, 150);
  }
}

size_t home(const Pool& pool, int key) {
  return pool.candidates[next_by_hash(pool.candidates, hash_text("key" + std::to_string(key)))].index;
}

TEST(Hash, SharesFollowWeights) {
  const Pool pool({3, 1, 1});
  std::map<size_t, int> counts;
  for (int key = 0; key < 20000; ++key) {
    ++counts[home(pool, key)];
  }
  EXPECT_NEAR(counts[0], 12000, 400);
  EXPECT_NEAR(counts[1], 4000, 300);
  EXPECT_NEAR(counts[2], 4000, 300);
}

TEST(Hash, AKeyStaysWhereItIs) {
  const Pool pool({1, 1, 1, 1});
  for (int key = 0; key < 100; ++key) {
    EXPECT_EQ(home(pool, key), home(pool, key));
  }
}

TEST(Hash, OnlyKeysOfALostTargetMove) {
  const Pool before({1, 1, 1, 1, 1});
  Pool after = before;
  after.candidates.erase(after.candidates.begin() + 2);
  int moved = 0;
  for (int key = 0; key < 5000; ++key) {
    const size_t was = home(before, key);
    const size_t is = home(after, key);
    if (was == 2) {
      ++moved;
      EXPECT_NE(is, 2U);
    } else {
      EXPECT_EQ(is, was);
    }
  }
  EXPECT_NEAR(moved, 1000, 120);
}

TEST(Hash, AHotKeyDoesNotDrownItsTarget) {
  Pool pool({1, 1, 1, 1});
  const uint64_t key = hash_text("hot");
  for (int i = 0; i < 400; ++i) {
    ++pool.candidates[next_by_hash(pool.candidates, key)].in_flight;
  }
  for (const Candidate& candidate : pool.candidates) {
    EXPECT_LE(candidate.in_flight, 126U);  // a quarter above the share of 100, rounded up
  }
}

TEST(Random, HashesAreTheSameEverywhere) {
  EXPECT_EQ(hash_text(""), mix(0xcbf29ce484222325U));
  EXPECT_NE(hash_text("a"), hash_text("b"));
  EXPECT_EQ(Random(7).next(), Random(7).next());
}

TEST(Random, ChanceIsAShare) {
  Random random(5);
  int hits = 0;
  for (int i = 0; i < 100000; ++i) {
    hits += random.chance_ppm(50'000) ? 1 : 0;
  }
  EXPECT_NEAR(hits, 5000, 300);
  EXPECT_FALSE(random.chance_ppm(0));
  EXPECT_TRUE(random.chance_ppm(1'000'000));
}

}  // namespace
}  // namespace catalyst::routing
