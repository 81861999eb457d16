#include <gtest/gtest.h>

#include "compiler/driver/find.h"

// Policies whose proofs would take the stack, or all the time there is.

namespace catalyst::analysis {
namespace {

/// Codes of what is told when proofs may take that many milliseconds.
std::string told(const std::string& text, int64_t cpu_ms) {
  driver::Analysis analysis = driver::analyze({{"hostile.cata", "server db\n" + text}});
  EXPECT_NE(analysis.module, nullptr);
  Memory memory;
  driver::add_findings(analysis, memory, {.cpu_ms = cpu_ms});
  std::string out;
  for (const diagnostics::Diagnostic& each : analysis.diagnostics.all()) {
    out += (out.empty() ? "" : " ") + std::string(diagnostics::info(each.kind).code);
  }
  return out;
}

std::string repeated(int count, const std::string& before, const std::string& after) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    out += before + std::to_string(i) + after;
  }
  return out;
}

TEST(Hostile, QuantifiersInsideQuantifiers) {
  std::string condition;
  for (int i = 0; i < 50; ++i) {
    condition += "any x" + std::to_string(i) + " in principal.roles satisfies ";
  }
  EXPECT_EQ(told("rule r on call db.* when " + condition + "x0 == x49 deny\n", 300), "W0307");
}

TEST(Hostile, ManyElements) {
  const std::string texts = "list texts: list<string> = [" + repeated(60'000, "\"x", "\",") + "\"y\"]\n";
  EXPECT_EQ(
      told(texts + "rule r on call db.* when any x in texts satisfies x starts with principal.id deny\n",
           300),
      "W0307");
  const std::string numbers = "list numbers: list<int> = [" + repeated(60'000, "", ",") + "1]\n";
  const std::string codes =
      told(numbers +
               "rule r on call db.* when all x in numbers satisfies x != principal.risk deny\n"
               "rule s on call db.* when principal.risk in numbers and principal.mfa deny\n",
           300);
  EXPECT_TRUE(codes.empty() || codes == "W0307")
      << "the stack suffices, whether or not the time does: " << codes;
}

TEST(Hostile, APropertyOfManyRules) {
  const std::string rules =
      repeated(12'000, "rule r", " on call db.x when principal.risk > 5 and principal.id != \"\" deny\n");
  const std::string property = "property p { for any call db.x where principal.mfa expect not allow }\n";
  const std::string codes = told(rules + property, 300);
  const bool told_of_it =
      codes.find("W1001") != std::string::npos || codes.find("E1001") != std::string::npos;
  EXPECT_TRUE(told_of_it) << "it does not hold, which the time may suffice to find: " << codes;
  EXPECT_NE(codes.find("W0307"), std::string::npos) << codes;
}

TEST(Hostile, NumbersThatMultiply) {
  std::string condition = "principal.mfa";
  for (int i = 0; i < 30; ++i) {
    const std::string n = std::to_string(i);
    condition += " and principal.risk * " + n + " + principal.risk != " + n;
  }
  std::string rules;
  for (int i = 0; i < 200; ++i) {
    rules += "rule r" + std::to_string(i) + " on call db.x when " + condition +
             " and principal.risk != " + std::to_string(1000 + i) + " deny\n";
  }
  EXPECT_NE(told(rules, 100).find("W0307"), std::string::npos);
}

}  // namespace
}  // namespace catalyst::analysis
