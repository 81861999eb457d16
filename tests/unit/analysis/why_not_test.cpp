#include "compiler/analysis/why_not.h"

#include <gtest/gtest.h>

#include "compiler/analysis/nearest.h"
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

TEST(WhyNot, ChangesNumbersAsLittleAsItTakes) {
  const driver::Analysis analysis = read("rule odd on call db.* when principal.risk > 20 deny\n");
  Witness w = request();
  w.risk = 90;
  const WhyNot answer = why_not(analysis.module, analysis.sources, w, Wanted::Allow);
  ASSERT_EQ(answer.requests.size(), 1U);
  EXPECT_EQ(answer.requests[0].inputs[0].after, "20");
  EXPECT_EQ(answer.requests[0].request.risk, 20);
  EXPECT_TRUE(answer.requests[0].decision.allowed());
}

TEST(WhyNot, NearestNumbersAreWholeOrHundredths) {
  const auto at_most = [](double most) {
    return [most](const std::string& number) { return std::stod(number) <= most; };
  };
  EXPECT_EQ(nearest_number("90000", "0", at_most(2500)), "2500");
  EXPECT_EQ(nearest_number("90000", "2500", at_most(2500)), "2500");
  EXPECT_EQ(nearest_number("90000.5", "0", at_most(2500.25)), "2500.25");
  EXPECT_EQ(nearest_number("-7", "5", [](const std::string& n) { return std::stod(n) >= -3; }), "-3");
  EXPECT_EQ(nearest_number("90000", "false", at_most(2500)), "false");
  EXPECT_EQ(nearest_number("1e300", "0", at_most(2500)), "0");
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

TEST(Mutations, AreOfWhatTestsCanSee) {
  const driver::Analysis analysis = read(
      "import text\n"
      "@shadow rule unseen on call db.* when principal.risk > 3 deny\n"
      "@expires(2099-01-01) @rollout(5% by principal.id) rule seen on call db.* when "
      "text.is_blank(principal.id) "
      "deny\n");
  std::vector<std::string> edits;
  for (const Mutation& mutation : mutations(*analysis.module)) {
    ASSERT_EQ(mutation.owner, Mutation::Owner::Rule);
    EXPECT_EQ(analysis.module->rules[mutation.index].name, "seen");
    edits.push_back(mutation.text);
  }
  // Neither the share nor the date, nor how the library does it.
  EXPECT_EQ(edits, (std::vector<std::string>{"the condition is left out", "`deny` becomes `allow`",
                                             "the rule is left out"}));
}

TEST(Mutations, AreOfFunctionsThatNothingElseUses) {
  const driver::Analysis analysis = read(
      "fn small(n: int) -> bool = n < 10\n"
      "export fn large(n: int) -> bool = n > 99\n"
      "rule few on call db.* when small(principal.risk) deny\n");
  std::vector<std::string> edits;
  for (const Mutation& mutation : mutations(*analysis.module)) {
    if (mutation.owner == Mutation::Owner::Function) {
      EXPECT_EQ(owner_name(*analysis.module, mutation), "large");
      edits.push_back(mutation.text);
    }
  }
  EXPECT_EQ(edits, (std::vector<std::string>{"`>` becomes `>=`", "the test becomes its opposite"}));
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
