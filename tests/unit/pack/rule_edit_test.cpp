#include "compiler/driver/rule_edit.h"

#include <gtest/gtest.h>

namespace catalyst::driver {
namespace {

constexpr const char* kPolicy =
    "pack a 1.0.0\n"
    "\n"
    "/// First.\n"
    "/// It denies.\n"
    "rule one\n"
    "  on call a.x\n"
    "  deny \"no\"\n"
    "\n"
    "rule two on call a.y deny\n";

Analysis policy_of(const std::string& text) { return analyze({{"p.cata", text}}); }

std::string after(const std::string& text, const RuleEdit& edit) {
  const auto files = edit_rules(policy_of(text), edit);
  return files.has_value() ? files->front().text : "error: " + files.error().context;
}

TEST(RuleEdit, ListsRulesWithTheirText) {
  const auto rules = list_rules(policy_of(kPolicy));
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].name, "one");
  EXPECT_EQ(rules[0].hook, "call");
  EXPECT_EQ(rules[0].line, 5u);
  EXPECT_EQ(rules[0].text, "rule one\n  on call a.x\n  deny \"no\"");
  EXPECT_EQ(rules[1].name, "two");
}

TEST(RuleEdit, OffAndOnAgainIsAllButTheSame) {
  const std::string off = after(kPolicy, {RuleEdit::Kind::Disable, "one", ""});
  const auto rules = list_rules(policy_of(off));
  ASSERT_EQ(rules.size(), 2u) << off;
  EXPECT_EQ(rules[0].name, "two");
  EXPECT_EQ(rules[1].name, "one");
  EXPECT_FALSE(rules[1].enabled);
  EXPECT_EQ(rules[1].line, 5u);
  EXPECT_NE(policy_of(off).module, nullptr);
  EXPECT_EQ(policy_of(off).module->rules.size(), 1u);
  const std::string on = after(off, {RuleEdit::Kind::Enable, "one", ""});
  EXPECT_EQ(list_rules(policy_of(on)).front().text, list_rules(policy_of(kPolicy)).front().text);
  EXPECT_NE(on.find("/// It denies.\nrule one"), std::string::npos) << on;
}

TEST(RuleEdit, WhatIsOffTogetherStaysApart) {
  std::string text = after(kPolicy, {RuleEdit::Kind::Disable, "two", ""});
  text = after(text, {RuleEdit::Kind::Disable, "one", ""});
  const auto rules = list_rules(policy_of(text));
  ASSERT_EQ(rules.size(), 2u) << text;
  text = after(text, {RuleEdit::Kind::Enable, "two", ""});
  EXPECT_EQ(policy_of(text).module->rules.size(), 1u) << text;
}

TEST(RuleEdit, RemovesWithDocumentationAndAdds) {
  EXPECT_EQ(after(kPolicy, {RuleEdit::Kind::Remove, "one", ""}),
            "pack a 1.0.0\n\n\nrule two on call a.y deny\n");
  EXPECT_EQ(after("pack a 1.0.0", {RuleEdit::Kind::Add, "", "rule z on call a.z deny"}),
            "pack a 1.0.0\n\nrule z on call a.z deny\n");
  EXPECT_EQ(after(kPolicy, {RuleEdit::Kind::Remove, "three", ""}), "error: there is no rule called three");
  EXPECT_EQ(after(kPolicy, {RuleEdit::Kind::Enable, "one", ""}),
            "error: no rule is switched off that is called one");
}

}  // namespace
}  // namespace catalyst::driver
