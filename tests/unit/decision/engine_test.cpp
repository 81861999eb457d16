#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "runtime/decision/engine.h"
#include "runtime/decision/explain.h"
#include "runtime/decision/in_force.h"
#include "tests/unit/decision/module_maker.h"

namespace catalyst::decision {
namespace {

using test::ModuleMaker;
using T = types::TypeTable;
using ir::Op;

std::shared_ptr<const Pack> pack_that_denies(const std::string& rule, const std::string& tenant) {
  ModuleMaker make;
  make.deny(rule, make.boolean(Op::Eq, {make.tenant(), make.text(tenant)}));
  return make.pack();
}

TEST(Engine, ThreadsDecideWhilePacksAreSwapped) {
  Engine engine(pack_that_denies("first", "acme"));
  constexpr int kThreads = 3;
  constexpr int kSwaps = 200;
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      Evaluator evaluator;
      uint64_t generation = engine.generation();
      std::shared_ptr<const Pack> pack = engine.current();
      Principal principal{"ana", "acme", {}};
      Request request;
      request.principal = &principal;
      request.server = "db";
      request.tool = "query";
      while (!stop.load(std::memory_order_relaxed)) {
        if (const uint64_t now = engine.generation(); now != generation) {
          generation = now;
          pack = engine.current();
        }
        wrong += evaluator.evaluate(*pack, request).outcome == Outcome::Deny ? 0 : 1;
      }
    });
  }
  for (int i = 0; i < kSwaps; ++i) {
    engine.swap(pack_that_denies("next" + std::to_string(i), "acme"));
  }
  stop = true;
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(engine.generation(), static_cast<uint64_t>(kSwaps));
  EXPECT_EQ(engine.current()->rule_name(0), "next" + std::to_string(kSwaps - 1));
}

TEST(InForce, AShareOfPrincipalsIsStableEvenAndGrows) {
  InForce in_force;
  in_force.stable = pack_that_denies("stable", "acme");
  in_force.canary = pack_that_denies("canary", "acme");
  int taken = 0;
  for (int i = 0; i < 20'000; i++) {
    const std::string principal = "user" + std::to_string(i) + "@acme.example";
    in_force.canary_share = 500;
    const bool small = in_force.pack_for(principal) == in_force.canary;
    in_force.canary_share = 2500;
    const bool large = in_force.pack_for(principal) == in_force.canary;
    EXPECT_TRUE(large || !small) << "who is in a small share stays in a larger one";
    taken += small ? 1 : 0;
    in_force.canary_share = 0;
    EXPECT_EQ(in_force.pack_for(principal), in_force.stable);
    in_force.canary_share = InForce::kWhole;
    EXPECT_EQ(in_force.pack_for(principal), in_force.canary);
  }
  EXPECT_NEAR(taken, 1000, 150);
  EXPECT_EQ(InForce::place_of("ana@acme.example"), 819u) << "other engines choose the same";
}

TEST(Explain, SaysWhatEachRuleSaw) {
  ModuleMaker make;
  make.deny("prod", make.guarded(make.optional_arg({"env"}, T::kString),
                                 [&](auto v) { return make.boolean(Op::Eq, {v, make.text("prod")}); }));
  make.allow("all", {});
  make.deny("elsewhere", {}, {{"mail", "*"}});
  const auto pack = make.pack();
  Principal principal{"ana", "acme", {}};
  Request request;
  request.principal = &principal;
  request.server = "db";
  request.tool = "query";
  request.args = R"({"env":"dev"})";
  const Explanation e = explain(*pack, request);
  EXPECT_EQ(e.outcome, Outcome::Allow);
  EXPECT_EQ(e.rule, "all");
  ASSERT_EQ(e.rules.size(), 2u) << "rules for other tools are left out";
  EXPECT_EQ(e.rules[0].name, "prod");
  EXPECT_EQ(e.rules[0].state, ExplainedRule::State::NotMatched);
  EXPECT_FALSE(e.rules[0].conditions.empty());
  EXPECT_TRUE(e.rules[1].decided);
  EXPECT_NE(to_text(e).find("rule prod: not matched"), std::string::npos);
  EXPECT_NE(to_json(e).find(R"("value":"dev")"), std::string::npos);
}

}  // namespace
}  // namespace catalyst::decision
