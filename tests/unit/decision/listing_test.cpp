// Listing follows from calling: what is hidden can never be called, whatever the arguments are.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/decision/explain.h"
#include "tests/unit/decision/random_pack.h"

namespace catalyst::test {
namespace {

using abi::Hook;
using decision::Listing;
using decision::Outcome;
using ir::Op;
using T = types::TypeTable;

TEST(Listing, WhatIsHiddenIsNeverAllowed) {
  constexpr uint32_t kPacks = 400;
  constexpr int kArguments = 40;
  size_t hidden = 0;
  size_t listed = 0;
  for (uint32_t seed = 0; seed < kPacks && !::testing::Test::HasFailure(); ++seed) {
    RandomPack random(seed);
    random.fill();
    const auto pack = random.make().pack();
    Evaluator evaluator;
    for (int i = 0; i < 8; ++i) {
      const std::string id = random.word();
      const std::string tenant = random.word();
      const std::string roles[] = {random.word(), random.word()};
      const std::vector<std::string_view> views(roles, roles + random.number(3));
      const Principal principal{id, tenant, views, {}, random.number(10), random.chance(50)};
      Request request;
      request.hook = Hook::ListTools;
      request.principal = &principal;
      request.server = random.chance(50) ? "s1" : "s3";
      request.tool = random.chance(50) ? "one" : "two";
      if (!evaluator.evaluate(*pack, request).hidden) {
        ++listed;
        continue;
      }
      ++hidden;
      request.hook = Hook::Call;
      for (int n = 0; n < kArguments; ++n) {
        const std::string args = random_args(random);
        request.args = args;
        EXPECT_EQ(evaluator.evaluate(*pack, request).outcome, Outcome::Deny)
            << "seed " << seed << " " << args;
      }
    }
  }
  EXPECT_GT(hidden, 200U);
  EXPECT_GT(listed, 200U);
}

class ListingOf : public ::testing::Test {
 protected:
  const Verdict& list(const Pack& pack, bool mfa, Listing listing = Listing::Derived) {
    principal_.mfa = mfa;
    Request request;
    request.hook = Hook::ListTools;
    request.listing = listing;
    request.principal = &principal_;
    request.server = "db";
    request.tool = "drop";
    return evaluator_.evaluate(pack, request);
  }
  ModuleMaker::E content() { return make.boolean(Op::IsPresent, {make.optional_arg({"x"}, T::kString)}); }

  ModuleMaker make;

 private:
  Principal principal_{"ana", "acme", {}, {}, 0, false};
  Evaluator evaluator_;
};

TEST_F(ListingOf, ADenyThatArgumentsCannotEscapeHides) {
  make.deny("mfa_first", make.both(make.boolean(Op::Not, {make.mfa()}),
                                   make.boolean(Op::Or, {content(), make.boolean(Op::Not, {make.mfa()})})));
  const auto pack = make.pack();
  EXPECT_TRUE(list(*pack, false).hidden);
  EXPECT_EQ(list(*pack, false).rule_name, "mfa_first");
  EXPECT_FALSE(list(*pack, true).hidden);
  EXPECT_FALSE(list(*pack, false, Listing::OwnRules).hidden);
  EXPECT_FALSE(pack->ignores(Hook::ListTools));
}

TEST_F(ListingOf, ADenyThatDependsOnArgumentsDoesNot) {
  make.deny("x", make.both(make.boolean(Op::Not, {make.mfa()}), content()));
  const auto pack = make.pack();
  EXPECT_FALSE(list(*pack, false).hidden);
  EXPECT_TRUE(pack->ignores(Hook::ListTools)) << "no content makes this deny certain";
}

TEST_F(ListingOf, ADefaultThatDeniesHidesWhatNoRuleCouldAllow) {
  make.module().default_deny[static_cast<size_t>(Hook::Call)] = true;
  make.allow("with_mfa", make.both(make.mfa(), content()));
  const auto pack = make.pack();
  EXPECT_FALSE(list(*pack, true).hidden);
  EXPECT_TRUE(list(*pack, false).hidden);
  EXPECT_EQ(list(*pack, false).rule_name, "");
}

TEST_F(ListingOf, AnExplanationNamesTheRulesOfCalls) {
  make.module().default_deny[static_cast<size_t>(Hook::Call)] = true;
  make.allow("with_mfa", make.both(make.mfa(), content()));
  make.deny("never", make.boolean(Op::Not, {make.mfa()}));
  const auto pack = make.pack();
  Principal principal{"ana", "acme", {}, {}, 0, true};
  Request request;
  request.hook = Hook::ListTools;
  request.principal = &principal;
  request.server = "db";
  request.tool = "drop";
  EXPECT_THAT(decision::to_text(decision::explain(*pack, request)),
              ::testing::HasSubstr("rule with_mfa: depends on what is asked"));
  principal.mfa = false;
  const std::string text = decision::to_text(decision::explain(*pack, request));
  EXPECT_THAT(text, ::testing::StartsWith("hidden by never"));
  EXPECT_THAT(text, ::testing::HasSubstr("rule never: matched, decided"));
}

}  // namespace
}  // namespace catalyst::test
