// The index must answer as the reference does.

#include <gtest/gtest.h>

#include "tests/unit/decision/random_pack.h"

namespace catalyst::test {
namespace {

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

/// The same JSON with every letter of its strings spelled as an escape, and with white space.
std::string spelled_out(const std::string& json) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  bool inside = false;
  for (const char c : json) {
    inside = inside != (c == '"');
    if (inside && c != '"') {
      const auto byte = static_cast<unsigned char>(c);
      out += std::string("\\u00") + kHex[byte >> 4] + kHex[byte & 15];
    } else {
      out += c;
      out += inside ? "" : c == ',' ? "\n" : c == ':' ? "  " : "";
    }
  }
  return out;
}

/// Values of the usual form are read on a way of their own, which must lead to the same place.
TEST(Index, HowAValueIsSpelledDoesNotMatter) {
  constexpr uint32_t kPacks = 300;
  for (uint32_t seed = 0; seed < kPacks && !::testing::Test::HasFailure(); ++seed) {
    RandomPack random(seed);
    random.fill();
    const auto pack = random.make().pack();
    Evaluator plain;
    Evaluator spelled;
    for (int i = 0; i < 60; ++i) {
      const std::string args = random_args(random);
      const std::string same = spelled_out(args);
      const Principal principal{.id = "a", .tenant = "prod", .roles = {}, .scopes = {}};
      Request request;
      request.principal = &principal;
      request.server = "s1";
      request.tool = "one";
      request.args = args;
      const Verdict& a = plain.evaluate(*pack, request);
      request.args = same;
      const Verdict& b = spelled.evaluate(*pack, request);
      expect_same(a, b, "seed " + std::to_string(seed) + " request " + std::to_string(i) + " " + args);
    }
  }
}

}  // namespace
}  // namespace catalyst::test
