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

/// A search fails where a condition's fuel ends, which matches; looking ahead of it must not say otherwise.
TEST(Index, TextsAreSearchedAheadOnlyWhereThatIsExact) {
  using ir::Op;
  using T = types::TypeTable;
  ModuleMaker make;
  const auto text = make.arg({"text"}, T::kString);
  for (const char* part : {"needle", "other", "third", "e"}) {
    make.deny(part, make.boolean(Op::StringContains, {text, make.text(part)}));
  }
  make.deny("either", make.boolean(Op::Or, {make.boolean(Op::StringContains, {text, make.text("n")}),
                                            make.boolean(Op::StringContains, {text, make.text("dle")})}));
  const auto pack = make.pack();
  size_t failed = 0;
  for (const uint32_t fuel : {20'000U, 200U, 1U}) {
    decision::Limits limits;
    limits.fuel_per_rule = fuel;
    Evaluator indexed(limits);
    Evaluator reference(limits);
    for (const size_t size : {0UL, 30UL, 63UL, 64UL, 200UL, 19'903UL, 19'904UL, 19'905UL, 20'000UL, 50'000UL,
                              1'279'936UL, 1'300'000UL}) {
      for (const char* end : {"", "needle", "nothing", "e"}) {
        const std::string args = "{\"text\":\"" + std::string(size, 'x') + end + "\"}";
        Request request;
        request.server = "s1";
        request.tool = "one";
        request.args = args;
        const Verdict& a = indexed.evaluate(*pack, request);
        const Verdict& b = reference.evaluate_reference(*pack, request);
        expect_same(a, b, std::to_string(fuel) + " steps, " + std::to_string(size) + " bytes and " + end);
        failed += a.error.status != value::Status::Ok ? 1 : 0;
      }
    }
  }
  EXPECT_GT(failed, 10u);
}

/// With few texts to look for in one input all are looked for ahead of the rules, with many none.
TEST(Index, HoweverManyTextsAreLookedFor) {
  using ir::Op;
  using T = types::TypeTable;
  for (const int count : {1, 2, 3, 63, 64, 65, 200}) {
    ModuleMaker make;
    const auto text = make.arg({"text"}, T::kString);
    for (int i = 0; i < count; ++i) {
      const std::string part = "part" + std::to_string(i) + ";";
      make.deny(part, make.boolean(Op::StringContains, {text, make.text(part)}));
    }
    const auto pack = make.pack();
    Evaluator indexed;
    Evaluator reference;
    for (int i = -1; i < count; ++i) {
      const std::string args =
          R"({"text":"some text before part)" + std::to_string(i) + "; and some behind\"}";
      Request request;
      request.server = "s1";
      request.tool = "one";
      request.args = args;
      const Verdict& a = indexed.evaluate(*pack, request);
      expect_same(a, reference.evaluate_reference(*pack, request), std::to_string(count) + " parts: " + args);
      EXPECT_EQ(a.outcome == decision::Outcome::Deny, i >= 0);
    }
  }
}

}  // namespace
}  // namespace catalyst::test
