#include "compiler/analysis/why_not.h"

#include <gtest/gtest.h>

#include "compiler/driver/analyze.h"
#include "compiler/ir/print.h"

namespace catalyst::analysis {
namespace {

constexpr const char* kPolicy = R"(
default deny
rule operators on call db.* when "operator" in principal.roles allow
rule quiet_hours on call db.* when now.hour() < 6 deny "At night nobody."
rule production on call db.drop when ((call.args.env as string?) ?? "") == "prod" and principal.risk > 20 deny
)";

driver::Analysis read(const std::string& text) {
  driver::Analysis analysis = driver::analyze({{"pack.cata", text}});
  EXPECT_NE(analysis.module, nullptr);
  return analysis;
}

Witness request() {
  Witness w;
  w.server = "db";
  w.tool = "drop";
  w.principal_id = "ana";
  w.roles = {"operator", "viewer"};
  w.risk = 50;
  w.args = R"({"env":"prod","table":"users"})";
  return w;
}

TEST(WhyNot, FindsTheFewestInputs) {
  const driver::Analysis analysis = read(kPolicy);
  const WhyNot answer = why_not(analysis.module, analysis.sources, request(), Wanted::Allow);
  EXPECT_STREQ(answer.now.verdict(), "deny");
  EXPECT_FALSE(answer.already);
  std::vector<std::string> paths;
  for (const RequestChange& change : answer.requests) {
    ASSERT_EQ(change.inputs.size(), 1U);
    paths.push_back(change.inputs[0].path);
    EXPECT_TRUE(change.decision.allowed());
    EXPECT_NE(change.request.args.find("users"), std::string::npos) << "what no rule reads stays";
  }
  std::sort(paths.begin(), paths.end());
  EXPECT_EQ(paths, (std::vector<std::string>{"call.args.env", "principal.risk"}));
}

TEST(WhyNot, ChangesTwoInputsWhenOneIsNotEnough) {
  const driver::Analysis analysis = read(kPolicy);
  Witness w = request();
  w.roles = {"viewer"};
  const WhyNot answer = why_not(analysis.module, analysis.sources, w, Wanted::Allow);
  ASSERT_FALSE(answer.requests.empty());
  EXPECT_EQ(answer.requests[0].inputs.size(), 2U);
}

TEST(WhyNot, ProvesThatNothingHelps) {
  const driver::Analysis analysis =
      read("rule never on call db.* deny\nrule r on call db.drop when principal.mfa allow\n");
  const WhyNot answer = why_not(analysis.module, analysis.sources, request(), Wanted::Allow);
  EXPECT_TRUE(answer.requests.empty());
  EXPECT_TRUE(answer.proved_none);
  ASSERT_FALSE(answer.rules.empty());
  EXPECT_EQ(answer.rules[0].rule, "never");
}

TEST(WhyNot, NamesEditsOfRulesAndLeavesThePackAlone) {
  const driver::Analysis analysis = read(kPolicy);
  const std::string before = ir::print(*analysis.module);
  const WhyNot answer = why_not(analysis.module, analysis.sources, request(), Wanted::Allow);
  ASSERT_FALSE(answer.rules.empty());
  for (const RuleChange& change : answer.rules) {
    EXPECT_EQ(change.rule, "production");
    EXPECT_TRUE(change.decision.allowed());
  }
  EXPECT_EQ(ir::print(*analysis.module), before);
}

TEST(WhyNot, SaysWhenItIsSoAlready) {
  const driver::Analysis analysis = read(kPolicy);
  EXPECT_TRUE(why_not(analysis.module, analysis.sources, request(), Wanted::Deny).already);
}

TEST(Mutations, AreUndone) {
  const driver::Analysis analysis = read(kPolicy);
  const std::string before = ir::print(*analysis.module);
  const std::vector<Mutation> all = mutations(*analysis.module);
  EXPECT_GT(all.size(), 15U);
  for (const Mutation& mutation : all) {
    {
      const Mutant mutant(*analysis.module, mutation);
      EXPECT_NE(ir::print(*analysis.module), before) << mutation.text;
    }
    EXPECT_EQ(ir::print(*analysis.module), before) << mutation.text;
  }
}

}  // namespace
}  // namespace catalyst::analysis
