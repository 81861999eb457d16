#include <gtest/gtest.h>
#include <re2/re2.h>

#include <random>

#include "compiler/analysis/texts.h"

// The automata against the engines they describe, and partitions against what they promise.

namespace catalyst::analysis {
namespace {

std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> kPieces = {"a",  "b", "ab", "K", "s", "\u212A", "\u017F", "é",
                                                   "\n", " ", "_",  "0", "9", "-",      "drop",   "."};
  std::string out;
  for (int i = static_cast<int>(random() % 6); i > 0; --i) {
    out += kPieces[random() % kPieces.size()];
  }
  return out;
}

TEST(RegexAutomaton, AgreesWithRe2) {
  const std::vector<std::string> patterns = {
      "a",          "^a",         "a$",       "^a$",         "^$",        "a|b",       "(a|b)*b",  "^(ab)+$",
      "a?b",        "a{2}",       "a{1,2}b",  "^a{0,2}$",    "[ab]",      "[^ab]",     "^[^ab]*$", "\\d",
      "\\w+\\s\\w", "\\bdrop\\b", "(?i)drop", "(?i)\\bk\\b", "(?i)S",     "(?i)[r-t]", "^.$",      "^..$",
      "(?s)^.$",    "a.b",        "\\Aab\\z", "\\.",         "^(?:a|)b$", "é",         "^[à-ü]$",  "a+?b",
      "(?P<n>a)b",  "^\\W$",      "(?i:a)B",  "x{,2}",       "a\\Bb",     "$^",        "(^a|b$)",  "[a-c_-]",
  };
  std::mt19937 random(7);
  for (const std::string& pattern : patterns) {
    const std::optional<Automaton> automaton = regex_automaton(pattern);
    ASSERT_TRUE(automaton.has_value()) << pattern;
    const re2::RE2 engine(pattern);
    ASSERT_TRUE(engine.ok()) << pattern;
    for (int i = 0; i < 2000; ++i) {
      const std::string text = random_text(random);
      EXPECT_EQ(automaton->accepts(text), re2::RE2::PartialMatch(text, engine)) << pattern << " on " << text;
    }
  }
}

TEST(RegexAutomaton, SaysWhatItDoesNotKnow) {
  for (const char* pattern : {"\\pL", "(?m)^a", "[[:alpha:]]", "\\x41", "a{2}{3}", "(?U)a", "\\Qa\\E"}) {
    EXPECT_FALSE(regex_automaton(pattern).has_value()) << pattern;
  }
}

TEST(Automata, SayWhatTheyAreNamedAfter) {
  EXPECT_TRUE(prefix_automaton("ab").accepts("abc"));
  EXPECT_FALSE(prefix_automaton("ab").accepts("a"));
  EXPECT_TRUE(suffix_automaton("aab").accepts("aaab"));
  EXPECT_FALSE(suffix_automaton("ab").accepts("aba"));
  EXPECT_TRUE(substring_automaton("aab").accepts("xaaaby"));
  EXPECT_TRUE(glob_automaton("a*b?")->accepts("axxbé"));
  EXPECT_FALSE(glob_automaton("a*b?")->accepts("axxb"));
  EXPECT_TRUE(length_automaton(2).accepts("éé"));
  EXPECT_FALSE(length_automaton(3).accepts("éé"));
  for (const std::string bound : {"", "a", "ab", "b"}) {
    for (const std::string text : {"", "a", "aa", "ab", "abc", "b", "ba"}) {
      EXPECT_EQ(before_automaton(bound, Bound::Exclusive).accepts(text), text < bound)
          << text << " " << bound;
      EXPECT_EQ(before_automaton(bound, Bound::Inclusive).accepts(text), text <= bound)
          << text << " " << bound;
    }
  }
}

TEST(Partition, HasARepresentativeOfEveryClass) {
  TextSet names{{"ana", "bob"}, nullptr};
  TextSet a{{}, std::make_shared<const Automaton>(prefix_automaton("a"))};
  TextSet b{{}, std::make_shared<const Automaton>(substring_automaton("b"))};
  const Partition p = partition({&names, &a, &b}, {.copies = 2, .max_states = 1000});
  EXPECT_TRUE(p.complete);
  std::map<std::vector<bool>, int> classes;
  for (const std::string& value : p.values) {
    ++classes[{names.holds(value), a.holds(value), b.holds(value)}];
  }
  // ana: named and a; bob: named and b; the rest: with a, with b, with both, with neither.
  EXPECT_EQ(classes.size(), 6U);
  EXPECT_EQ((classes[{true, true, false}]), 1);
  EXPECT_EQ((classes[{false, true, true}]), 2);
  EXPECT_EQ((classes[{false, false, false}]), 2);
}

}  // namespace
}  // namespace catalyst::analysis
