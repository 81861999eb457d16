#include "runtime/value/text_parts.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "runtime/value/find_text.h"

namespace catalyst::test {
namespace {

using value::TextParts;

/// What one search a part says.
std::vector<uint64_t> plainly(std::string_view text, const std::vector<std::string>& parts) {
  std::vector<uint64_t> out((parts.size() + 63) / 64);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (text.find(parts[i]) != std::string_view::npos) {
      out[i / 64] |= uint64_t{1} << (i % 64);
    }
  }
  return out;
}

/// Over a small alphabet, so that parts are found, overlap, and stand at both ends.
std::string random_text(std::mt19937& random, size_t size, uint32_t letters) {
  static constexpr std::string_view kLetters("ab-1\xc3\xa9Z\0 e", 10);
  std::string out;
  for (size_t i = 0; i < size; ++i) {
    out += kLetters[random() % letters];
  }
  return out;
}

TEST(TextParts, FindsWhatSearchesOneByOneFind) {
  size_t hits = 0;
  for (uint32_t seed = 0; seed < 20'000 && !::testing::Test::HasFailure(); ++seed) {
    std::mt19937 random(seed);
    const uint32_t letters = 2 + random() % 9;
    std::set<std::string> some;
    const size_t count = 1 + random() % (seed % 10 == 0 ? 200 : 20);
    for (size_t i = 0; i < count; ++i) {
      some.insert(random_text(random, 1 + random() % 12, letters));
    }
    const std::vector<std::string> parts(some.begin(), some.end());
    const TextParts search(parts);
    std::vector<uint64_t> found(search.words(), ~uint64_t{0});
    std::string text = random_text(random, random() % 300, letters);
    if (!text.empty() && random() % 3 == 0) {  // one of them at the very end, or at the front
      const std::string& part = parts[random() % parts.size()];
      text = random() % 2 == 0 ? text + part : part + text;
    }
    const std::string owned(text);  // whose end a sanitizer guards
    search.find(owned, found.data());
    EXPECT_EQ(found, plainly(text, parts)) << "seed " << seed;
    hits += found[0] != 0 ? 1 : 0;
  }
  EXPECT_GT(hits, 1'000u);
}

TEST(TextParts, ATextMadeToBeCompared) {
  std::vector<std::string> parts;
  for (int i = 0; i < 50; ++i) {
    parts.push_back(std::string(200, 'a') + std::to_string(i));
  }
  const std::string text = std::string(100'000, 'a') + "17";
  const TextParts search(parts);
  std::vector<uint64_t> found(search.words());
  search.find(text, found.data());
  EXPECT_EQ(found, plainly(text, parts));
}

TEST(TextParts, AllOfThem) {
  const std::vector<std::string> parts(70, "x");
  const TextParts search(parts);
  std::vector<uint64_t> found(search.words());
  search.find_all(found.data());
  EXPECT_EQ(found[0], ~uint64_t{0});
  EXPECT_EQ(found[1], 63u);
}

}  // namespace
}  // namespace catalyst::test
