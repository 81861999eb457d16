// The index must answer as the reference does.

#include <gtest/gtest.h>

#include "tests/unit/decision/random_pack.h"

namespace catalyst::test {
namespace {

/// One number a content, so that principals come back under their keys.
uint64_t key_of(std::string_view id, std::string_view tenant, const std::vector<std::string_view>& roles) {
  std::string all = std::string(id) + "|" + std::string(tenant);
  for (const std::string_view role : roles) {
    all += "|" + std::string(role);
  }
  return std::hash<std::string>{}(all) | 1;
}

TEST(Index, AnswersAsTheReferenceDoes) {
  constexpr uint32_t kPacks = 1000;
  constexpr int kRequests = 60;
  size_t denied = 0;
  for (uint32_t seed = 0; seed < kPacks && !::testing::Test::HasFailure(); ++seed) {
    RandomPack random(seed);
    random.fill();
    const auto pack = random.make().pack();
    denied += compare_with_reference(random, *pack, seed, kRequests);
  }
  EXPECT_GT(denied, kPacks * kRequests / 10u);
}

}  // namespace
}  // namespace catalyst::test
