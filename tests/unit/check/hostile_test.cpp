#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "runtime/base/budget.h"
#include "runtime/value/regex_set.h"
#include "tests/unit/check/checked.h"

// Sources that ask for more work than anyone writes by accident end in a diagnostic. Each of these took
// minutes, gigabytes or the process when nothing but counts bounded it.

namespace catalyst::check {
namespace {

/// Enough to read the source, and far from enough to check it.
constexpr const char* kNoTime = "// BUDGET: 60 ms\n";

std::string repeated(int count, const std::string& before, const std::string& after) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    out += before + std::to_string(i) + after;
  }
  return out;
}

TEST(Hostile, PatternsThatTheRuntimeRefuses) {
  const std::string long_one(2000, 'a');
  const std::string rule = "server db\nrule r on call db.* when call.tool =~ \"";
  EXPECT_EQ(Checked("long.cata", rule + long_one + "\" deny\n").codes(), "E0408");
  EXPECT_EQ(Checked("large.cata", rule + "((\\\\pL{{9}}){{9}}){{9}}\" deny\n").codes(), "E0408");
  EXPECT_EQ(Checked("redact.cata", "server db\nrule r on result db.* redact \"" + long_one + "\" in result\n")
                .codes(),
            "E0408");
}

TEST(Hostile, PatternsThatAreTooLargeTogether) {
  value::RegexAdmission admission;
  const std::string large = "\\pL{20}";
  int let_in = 0;
  std::string problem;
  while (problem.empty() && let_in < 10'000) {
    problem = admission.problem(std::to_string(let_in++) + large);
  }
  EXPECT_NE(problem.find("the patterns of the pack have more than 4000000 instructions"), std::string::npos);
  EXPECT_GT(let_in, 50);
  EXPECT_LT(let_in, 2000);
  EXPECT_EQ(admission.problem("0" + large), "");  // counted already
  EXPECT_EQ(admission.problem("small"), "") << "what still fits is let in";
}

TEST(Hostile, ThousandsOfMisspeltNames) {
  const std::string text = repeated(8'000, "fact someverylongname", " = othrverylongname1\n");
  EXPECT_EQ(Checked("names.cata", kNoTime + text).codes(), "E0227");
}

TEST(Hostile, ThousandsOfTargetsWithManyStars) {
  std::string stars;
  for (int i = 0; i < 30; ++i) {
    stars += "a*";
  }
  std::string text = "server db\n";
  for (int i = 0; i < 1'000; ++i) {
    const std::string n = std::to_string(i);
    text += "rule r" + n + " on call db." + stars + "x" + n + " set call.args.p = " + n + "\n";
  }
  EXPECT_EQ(Checked("targets.cata", kNoTime + text).codes(), "E0227");
}

TEST(Hostile, ATableOfThousandsOfTexts) {
  std::string text = "decision d(a: string, b: string) -> int = table first {\n  a | b =>\n";
  for (int i = 0; i < 2'000; ++i) {
    const std::string n = std::to_string(i);
    text += "  contains \"" + n + "\" | contains \"" + n + "0\" => " + n + "\n";
  }
  EXPECT_EQ(Checked("texts.cata", kNoTime + text + "  otherwise => 1\n}\n").codes(), "E0227");
}

TEST(Hostile, WarningsBeyondCountingHideNoRule) {
  const std::string text = "server db\n" + repeated(250, "rule r", " on call db.* when true tag a\n");
  const std::string routes =
      repeated(250, "route q", "\n  for call db.query\n  to db_a, db_b\n  timeout 1s\n");
  const Checked checked("many.cata", text + routes + "rule last on call db.drop deny\n");
  ASSERT_NE(checked.module, nullptr);
  EXPECT_GT(checked.sink.dropped(), 0U);
  EXPECT_EQ(checked.module->rules.size(), 251U);
  EXPECT_EQ(checked.module->rules.back().name, "last");
  EXPECT_EQ(checked.module->routes.size(), 250U);
}

TEST(Hostile, AnErrorBehindCountlessWarningsIsTold) {
  const std::string text = "server db\n" + repeated(250, "rule r", " on call db.* when true tag a\n");
  const Checked checked("many.cata", text + "rule last on call db.drop when principle.mfa deny\n");
  EXPECT_EQ(checked.module, nullptr);
  const auto& all = checked.sink.all();
  EXPECT_TRUE(std::any_of(all.begin(), all.end(), [](const diagnostics::Diagnostic& d) {
    return d.kind == diagnostics::Kind::UnknownName;
  }));
}

TEST(Hostile, TheDiagnosticNamesThePlaceThatWasReached) {
  const std::string text = repeated(20'000, "fact f", " = principal.risk > 1 and principal.mfa\n");
  const Checked checked("place.cata", "// BUDGET: 0 ms\n" + text);
  ASSERT_EQ(checked.codes(), "E0227");
  EXPECT_EQ(checked.sink.all()[0].message, "compiling these sources takes more than 0 s of processor time");
  EXPECT_TRUE(checked.sink.all()[0].span.valid());
}

TEST(Budget, IsItsThreadsWhileItLasts) {
  EXPECT_TRUE(Budget::spend(1'000'000));
  EXPECT_EQ(Budget::current(), nullptr);
  {
    const Budget budget({.cpu_ms = 0});
    EXPECT_EQ(Budget::current(), &budget);
    EXPECT_TRUE(Budget::spend(10)) << "nobody looked yet";
    EXPECT_FALSE(Budget::spend(1'000'000));
    EXPECT_FALSE(Budget::spend(0));
    EXPECT_EQ(budget.spent(), Budget::Spent::Time);
  }
  EXPECT_TRUE(Budget::spend(1'000'000));
}

TEST(Budget, LooksAtMemory) {
  const Budget budget({.memory_bytes = 32u << 20});
  EXPECT_TRUE(Budget::spend(1'000'000));
  const std::string much(128u << 20, 'x');
  EXPECT_FALSE(Budget::spend(1'000'000)) << much.size();
  EXPECT_EQ(budget.spent(), Budget::Spent::Memory);
}

}  // namespace
}  // namespace catalyst::check
