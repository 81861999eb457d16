#include "compiler/analysis/diff.h"

#include <gtest/gtest.h>

#include <random>

#include "compiler/driver/analyze.h"

// Random pairs of packs: what diff says must agree with asking the engine about every request of a small
// domain.

namespace catalyst::analysis {
namespace {

constexpr const char* kSchema = R"({"tools": [
  {"name": "t1", "inputSchema": {"type": "object", "required": ["env"], "properties": {
     "env": {"type": "string", "enum": ["x", "y"]}, "text": {"type": "string"}, "n": {"type": "integer"}}}},
  {"name": "t2", "inputSchema": {"type": "object", "required": ["env"], "properties": {
     "env": {"type": "string", "enum": ["x", "y"]}, "text": {"type": "string"}, "n": {"type": "integer"}}}}]})";

const std::vector<std::string> kAtoms = {
    "principal.id == \"a\"",
    "principal.id in [\"a\", \"b\"]",
    "principal.id starts with \"a\"",
    "principal.id matches \"*b\"",
    "principal.id =~ \"^[ab]+$\"",
    "lower(principal.id) == \"ab\"",
    "length(principal.id) > 1",
    "principal.risk > 1",
    "principal.risk <= 2",
    "principal.mfa",
    "\"p\" in principal.roles",
    "principal.roles intersects [\"p\", \"q\"]",
    "principal.roles subset of [\"p\"]",
    "(any r in principal.roles satisfies r == principal.id or r starts with \"q\")",
    "(all r in principal.roles satisfies r != \"q\")",
    "length(principal.roles) > 1",
    "call.args.env == x",
    "(call.args.text ?? \"\") contains \"a\"",
    "call.args.text is present",
    "(call.args.text is present and call.args.text == principal.id)",
    "(call.args.n ?? 0) + 1 > 2",
    "principal.risk + (call.args.n ?? 1) > 2",
    "(if principal.mfa then principal.risk else call.args.n ?? 3) >= 2",
    "now.hour() < 8",
    "call.tool == \"t1\"",
    "principal.tenant == principal.id",
    "count(call s.t1 by principal.id within 1h) > 1",
    "count(call s.t1 by principal.id within 1d) > 1",
    "sum(call s.* of principal.risk within 1h) + (call.args.n ?? 0) > 3",
    "grade(principal.risk) == \"middle\"",
    "grade(principal.risk + (call.args.n ?? 0)) != \"high\"",
};

// Rows with the same value stand beside each other.
constexpr const char* kDecision = R"(decision grade(n: int) -> string {
  rule top when n > 3 => "high"
  rule upper when n > 2 => "high"
  rule some when n > 1 => "middle"
  otherwise => "low"
}
fact used = grade(1)
)";

std::string condition(std::mt19937& random, int depth) {
  const auto pick = random() % (depth > 0 ? 6 : 2);
  switch (pick) {
    case 2:
    case 3:
      return "(" + condition(random, depth - 1) + " and " + condition(random, depth - 1) + ")";
    case 4:
      return "(" + condition(random, depth - 1) + " or " + condition(random, depth - 1) + ")";
    case 5:
      return "not (" + condition(random, depth - 1) + ")";
    default:
      return kAtoms[random() % kAtoms.size()];
  }
}

struct RuleText {
  std::string target;
  std::string condition;
  std::string effect;
};

RuleText random_rule(std::mt19937& random) {
  static const std::vector<std::string> kTargets = {"s.*", "s.t1", "s.t2", "s.t*"};
  static const std::vector<std::string> kEffects = {"allow", "deny", "deny",
                                                    "set call.args.text = principal.tenant"};
  return {kTargets[random() % kTargets.size()], condition(random, 2), kEffects[random() % kEffects.size()]};
}

std::string text_of(const std::vector<RuleText>& rules, bool default_deny) {
  std::string out = std::string("server s schema \"s.json\"\n") + kDecision;
  out += default_deny ? "default deny\n" : "";
  for (size_t i = 0; i < rules.size(); ++i) {
    out += "rule r" + std::to_string(i) + " on call " + rules[i].target + " when " + rules[i].condition +
           " " + rules[i].effect + "\n";
  }
  return out;
}

driver::Analysis read(const std::string& text) {
  driver::AnalyzeOptions options;
  options.read_schema = [](const std::string&) { return std::optional<std::string>(kSchema); };
  driver::Analysis analysis = driver::analyze({{"pack.cata", text}}, options);
  EXPECT_NE(analysis.module, nullptr)
      << text << render(analysis.sources, analysis.diagnostics.all().front(), diagnostics::Color::Never);
  return analysis;
}

/// Every request of the small domain.
std::vector<Witness> domain() {
  std::vector<Witness> out;
  for (const char* tool : {"t1", "t2", "tx"}) {
    for (const char* id : {"a", "ab", "Ab", "zz"}) {
      for (const char* args :
           {"{}", R"({"env":"x"})", R"({"env":"y","text":"a"})", R"({"env":"x","text":"zz","n":2})",
            R"({"env":"bad","n":1})", R"({"env":"y","text":3})", R"({"env":"x","n":0.5})"}) {
        for (const std::vector<std::string>& roles :
             {std::vector<std::string>{}, {"p"}, {"q"}, {"p", "ab"}}) {
          for (int risk = 1; risk <= 3; ++risk) {
            for (const bool mfa : {false, true}) {
              Witness w;
              w.server = "s";
              w.tool = tool;
              w.principal_id = id;
              w.tenant = risk == 2 ? "ab" : "t";
              w.args = args;
              w.roles = roles;
              w.risk = risk;
              w.mfa = mfa;
              if (risk > 1) {
                w.windows["count(call s.t1 by principal.id within 1d)"] = risk == 2 ? "2" : "3";
                w.windows["sum(call s.* of principal.risk within 1h)"] = risk == 2 ? "2.5" : "4";
              }
              if (risk == 3 && mfa) {
                w.windows["count(call s.t1 by principal.id within 1h)"] = "2";
              }
              w.now_us = mfa == (risk == 1) ? Witness::kNow : Witness::kNow - 6'000'000'000 * 6;
              out.push_back(std::move(w));
            }
          }
        }
      }
    }
  }
  return out;
}

std::string open_reasons(const Difference& d) {
  std::string out;
  for (const Search::Reason& reason : d.reasons) {
    out += reason.text + "\n";
  }
  return out;
}

TEST(Diff, AgreesWithEveryRequestOfASmallDomain) {
  std::mt19937 random(20260101);
  const std::vector<Witness> requests = domain();
  size_t found = 0;
  size_t proved = 0;
  for (int round = 0; round < 120; ++round) {
    std::vector<RuleText> rules;
    for (size_t i = 2 + random() % 3; i > 0; --i) {
      rules.push_back(random_rule(random));
    }
    std::vector<RuleText> edited = rules;
    if (round % 3 == 0) {
      edited[random() % edited.size()] = random_rule(random);
    } else if (round % 3 == 1) {
      RuleText& rule = edited[random() % edited.size()];
      rule.condition = "(" + rule.condition + " and " + condition(random, 1) + ")";
    } else {
      std::swap(edited.front(), edited.back());
      edited.front().condition = "not (not (" + edited.front().condition + "))";
    }
    const bool default_deny = random() % 2 == 0;
    const driver::Analysis before = read(text_of(rules, default_deny));
    const driver::Analysis after = read(text_of(edited, default_deny));
    if (before.module == nullptr || after.module == nullptr) {
      continue;  // two sets of one place
    }
    const std::string texts = text_of(rules, default_deny) + "---\n" + text_of(edited, default_deny);
    const std::vector<Difference> all =
        diff({before.module, &before.sources}, {after.module, &after.sources});
    Trial old_trial(before.module, before.sources);
    Trial new_trial(after.module, after.sources);
    bool looser = false;
    bool stricter = false;
    bool arguments = false;
    for (const Witness& w : requests) {
      const Decision a = old_trial.run(w);
      const Decision b = new_trial.run(w);
      looser = looser || (!a.allowed() && b.allowed());
      stricter = stricter || (a.allowed() && !b.allowed());
      arguments = arguments || (a.allowed() && b.allowed() && a.effects != b.effects);
    }
    const auto check = [&](DifferenceKind kind, bool seen) {
      const Difference& d = all[static_cast<size_t>(kind)];
      EXPECT_EQ(open_reasons(d), "") << difference_name(kind) << "\n" << texts;
      if (seen) {
        EXPECT_FALSE(d.proved_none()) << difference_name(kind) << "\n" << texts;
      }
      found += d.changes.empty() ? 0 : 1;
      proved += d.proved_none() ? 1 : 0;
    };
    check(DifferenceKind::MorePermissive, looser);
    check(DifferenceKind::MoreRestrictive, stricter);
    check(DifferenceKind::Arguments, arguments);
  }
  EXPECT_GT(found, 50U);
  EXPECT_GT(proved, 80U);
}

TEST(Diff, WhatIsNotFollowedIsNeverAProof) {
  const driver::Analysis before = read(
      "server s schema \"s.json\"\nrule r on call s.* when replace(principal.id, \"a\", \"b\") == \"bb\" "
      "deny\n");
  const driver::Analysis after = read(
      "server s schema \"s.json\"\nrule r on call s.* when replace(principal.id, \"b\", \"a\") == \"cc\" "
      "deny\n");
  const std::vector<Difference> all = diff({before.module, &before.sources}, {after.module, &after.sources});
  const Difference& d = all[static_cast<size_t>(DifferenceKind::MorePermissive)];
  EXPECT_FALSE(d.proved_none());
  EXPECT_NE(open_reasons(d).find("`replace` is not followed"), std::string::npos) << open_reasons(d);
  // The same expression on both sides is the same value, whatever it is.
  const std::vector<Difference> same =
      diff({before.module, &before.sources}, {before.module, &before.sources});
  EXPECT_TRUE(same[static_cast<size_t>(DifferenceKind::MorePermissive)].proved_none());
}

TEST(Diff, WindowsAreInputsThatExamplesName) {
  const auto rule = [](const std::string& condition) {
    return read("server s schema \"s.json\"\nfact who = principal.id\nrule r on call s.* when " + condition +
                " deny\nrule used on call s.* when who == \"x\" tag used\n");
  };
  const driver::Analysis hour = rule("count(call s.* by principal.id within 1h) > 10");
  const driver::Analysis day = rule("count(call s.* by principal.id within 1d) > 10");
  const driver::Analysis same = rule("not (10 >= count(call s.* by who within 60m))");
  const driver::Analysis other = rule("count(call s.* by principal.tenant within 1h) > 10");
  const auto compare = [](const driver::Analysis& a, const driver::Analysis& b, DifferenceKind kind) {
    return diff({a.module, &a.sources}, {b.module, &b.sources})[static_cast<size_t>(kind)];
  };
  // Who looks back a day sees no less than who looks back an hour.
  const Difference looser = compare(day, hour, DifferenceKind::MorePermissive);
  ASSERT_FALSE(looser.changes.empty()) << open_reasons(looser);
  EXPECT_EQ(looser.changes[0].witness.windows.count("count(call s.* by principal.id within 1d)"), 1U);
  EXPECT_TRUE(compare(day, hour, DifferenceKind::MoreRestrictive).proved_none());
  // Equal by meaning, whatever they are called.
  EXPECT_TRUE(compare(hour, same, DifferenceKind::MorePermissive).proved_none());
  EXPECT_TRUE(compare(hour, same, DifferenceKind::MoreRestrictive).proved_none());
  // Another key counts something else.
  EXPECT_FALSE(compare(hour, other, DifferenceKind::MoreRestrictive).proved_none());
}

TEST(Diff, ExamplesAreAboutToolsThatThereAreWhereItCan) {
  const driver::Analysis before =
      read("server s schema \"s.json\"\nrule r on call s.* when call.tool != \"t1\" deny\n");
  const driver::Analysis after = read(
      "server s schema \"s.json\"\nrule r on call s.* when call.tool != \"t1\" and not (call.tool matches "
      "\"*2\") "
      "deny\n");
  const std::vector<Difference> all = diff({before.module, &before.sources}, {after.module, &after.sources});
  const Difference& d = all[static_cast<size_t>(DifferenceKind::MorePermissive)];
  ASSERT_FALSE(d.changes.empty());
  EXPECT_EQ(d.changes[0].witness.tool, "t2");
  EXPECT_TRUE(d.changes[0].known_tool);
  const driver::Analysis other = read(
      "server s schema \"s.json\"\nrule r on call s.* when call.tool != \"t1\" and call.tool != \"t9\" "
      "deny\n");
  const std::vector<Difference> unknown =
      diff({before.module, &before.sources}, {other.module, &other.sources});
  const Difference& u = unknown[static_cast<size_t>(DifferenceKind::MorePermissive)];
  ASSERT_FALSE(u.changes.empty());
  EXPECT_EQ(u.changes[0].witness.tool, "t9");
  EXPECT_FALSE(u.changes[0].known_tool);
}

TEST(Diff, HooksThatAreNotFollowedAreComparedAsTheyStand) {
  const std::string hooks =
      "server s schema \"s.json\"\nrule a on read \"*.pem\" when not principal.mfa deny \"no\"\n"
      "rule b on session when client.name == \"x\" deny\n";
  const std::string turned =
      "server s schema \"s.json\"\nrule d on call s.* when principal.mfa deny\n"
      "rule b on session when client.name == \"x\" deny\n"
      "rule c on read \"*.pem\" when not principal.mfa deny \"no\"\n";
  const driver::Analysis before = read(hooks);
  const driver::Analysis same = read(turned);
  const driver::Analysis other = read(hooks + "rule e on read \"*.key\" deny\n");
  const auto others = [&](const driver::Analysis& after) {
    return diff({before.module, &before.sources},
                {after.module, &after.sources})[static_cast<size_t>(DifferenceKind::OtherHooks)]
        .proved_none();
  };
  EXPECT_TRUE(others(same));
  EXPECT_FALSE(others(other));
}

}  // namespace
}  // namespace catalyst::analysis
