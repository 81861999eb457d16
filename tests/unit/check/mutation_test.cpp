#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "tests/support/golden.h"
#include "tests/unit/check/checked.h"

// Goldens with words of other goldens put in, taken out and swapped: any text ends in diagnostics or in a
// module that verifies (Checked expects that). CATALYST_MUTATIONS sets how many, CATALYST_MUTATION_SEED where
// to begin.

namespace catalyst::check {
namespace {

using Words = std::vector<std::string>;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Words, string literals, blanks and single characters; joined they are the text again.
Words split(const std::string& text) {
  Words out;
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    if (is_word(text[i])) {
      while (end < text.size() && is_word(text[end])) {
        ++end;
      }
    } else if (text[i] == '"') {
      while (end < text.size() && text[end] != '"' && text[end] != '\n') {
        ++end;
      }
      end = std::min(end + 1, text.size());
    }
    out.push_back(text.substr(i, end - i));
    i = end;
  }
  return out;
}

uint64_t option(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// The declarations of all goldens but the slow ones, each with the servers in front.
std::vector<Words> sources() {
  std::vector<Words> out;
  const std::string folder = testing::repository_path("tests/golden/check");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() == ".cata" && name != "depth.cata" && name != "variables.cata") {
      const std::string text = testing::read_file(entry.path().string());
      out.push_back(split(text.substr(0, text.find("// CHECK:"))));
    }
  }
  return out;
}

TEST(CheckMutations, NoTextBreaksTheChecker) {
  const std::vector<Words> all = sources();
  const uint64_t count = option("CATALYST_MUTATIONS", 2'000);
  const uint64_t seed = option("CATALYST_MUTATION_SEED", 1);
  RecordProperty("seed", std::to_string(seed));
  size_t modules = 0;
  for (uint64_t i = 0; i < count && !::testing::Test::HasFailure(); ++i) {
    std::mt19937_64 random(seed + i);
    const auto pick = [&](size_t size) { return static_cast<size_t>(random() % size); };
    Words words = all[pick(all.size())];
    const size_t changes = 1 + pick(4);
    for (size_t change = 0; change < changes; ++change) {
      const Words& other = all[pick(all.size())];
      const size_t at = pick(words.size());
      switch (pick(4)) {
        case 0:
          words.erase(words.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        case 1:
          words[at] = other[pick(other.size())];
          break;
        case 2:
          std::swap(words[at], words[pick(words.size())]);
          break;
        case 3:
          words.insert(words.begin() + static_cast<std::ptrdiff_t>(at), other[pick(other.size())]);
          break;
      }
    }
    std::string text;
    for (const std::string& word : words) {
      text += word;
    }
    SCOPED_TRACE("seed " + std::to_string(seed + i) + "\n" + text);
    const Checked checked("mutated.cata", text);
    EXPECT_NE(checked.module == nullptr, !checked.sink.has_errors());
    modules += checked.module != nullptr ? 1 : 0;
  }
  EXPECT_GT(modules, 0U);
}

}  // namespace
}  // namespace catalyst::check
