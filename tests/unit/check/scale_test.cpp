#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "tests/unit/check/checked.h"

namespace catalyst::check {
namespace {

double seconds_for(const std::string& text, size_t rules) {
  const auto begin = std::chrono::steady_clock::now();
  const Checked checked("scale.cata", text);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(checked.diagnostics(), "");
  EXPECT_TRUE(checked.module != nullptr && checked.module->rules.size() == rules);
  return taken.count();
}

// The bounds leave room for sanitizers and slow machines; a quadratic step exceeds them many times over.
constexpr double kSeconds = 20;

TEST(CheckScale, ThousandsOfRulesOnOneServer) {
  std::string text =
      "server db schema \"schemas/db.json\"\n"
      "fact admin = \"admin\" in principal.roles\n"
      "fact prod = call.args.env == prod\n";
  for (int i = 0; i < 8'000; ++i) {
    text += "rule r" + std::to_string(i) +
            " on call db.query when prod and not admin and call.args.sql == \"q" + std::to_string(i) +
            "\" deny\n";
  }
  const double seconds = seconds_for(text, 8'000);
  RecordProperty("seconds", std::to_string(seconds));
  EXPECT_LT(seconds, kSeconds);
}

TEST(CheckScale, ThousandsOfTargetsThatSetOnePlace) {
  std::string text = "server open\n";
  for (int i = 0; i < 8'000; ++i) {
    const std::string n = std::to_string(i);
    text += "rule r" + n + " on call open.tool_" + n + " set call.args.tenant = \"t" + n + "\"\n";
  }
  const double seconds = seconds_for(text, 8'000);
  RecordProperty("seconds", std::to_string(seconds));
  EXPECT_LT(seconds, kSeconds);
}

// Neither checking nor evaluation may be made to recurse without bound, whatever order the facts are looked
// at in.
std::string facts_in_a_row(int count, bool backwards) {
  std::string text;
  for (int i = 1; i < count; ++i) {
    const int n = backwards ? count - i : i;
    text += "fact f" + std::to_string(n) + " = f" + std::to_string(n - 1) + " and principal.mfa\n";
  }
  return "fact f0 = principal.risk > 1\n" + text + "rule r on call *.* when f" + std::to_string(count - 1) +
         " deny\n";
}

TEST(CheckScale, FactsInARowHaveABound) {
  EXPECT_EQ(Checked("facts.cata", facts_in_a_row(400, false)).codes(), "");
  EXPECT_EQ(Checked("facts.cata", facts_in_a_row(400, true)).codes(), "");
  EXPECT_EQ(Checked("facts.cata", facts_in_a_row(20'000, false)).codes().substr(0, 5), "E0214");
  EXPECT_EQ(Checked("facts.cata", facts_in_a_row(20'000, true)).codes().substr(0, 5), "E0214");
}

}  // namespace
}  // namespace catalyst::check
