#include "runtime/value/find_text.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace catalyst::value {
namespace {

TEST(FindText, AnswersAsTheStandardLibraryDoes) {
  std::mt19937 random(7);
  for (int round = 0; round < 50'000; ++round) {
    std::string text(random() % 400, '\0');
    for (char& c : text) {
      c = static_cast<char>('a' + random() % 2);
    }
    std::string part;
    if (!text.empty() && random() % 2 == 0) {
      const size_t from = random() % text.size();
      part = text.substr(from, random() % 90);
    } else {
      part.assign(random() % 90, random() % 2 == 0 ? 'a' : 'b');
    }
    ASSERT_EQ(find_text(text, part), text.find(part)) << text << "\n" << part;
  }
}

TEST(FindText, FindsAPartAtEveryPlace) {
  for (size_t size = 2; size < 260; ++size) {
    for (size_t place = 0; place + 2 <= size; ++place) {
      std::string text(size, '-');
      text.replace(place, 2, "\xff\x00", 2);
      ASSERT_EQ(find_text(text, std::string_view("\xff\x00", 2)), place) << size;
    }
  }
}

TEST(FindText, TextsMadeOfCandidatesAreSearchedToTheirEnd) {
  const std::string text(100'000, 'a');
  EXPECT_EQ(find_text(text, std::string(500, 'a') + "b" + std::string(500, 'a')), std::string::npos);
  EXPECT_EQ(find_text(text + "b" + text, std::string(500, 'a') + "b" + std::string(500, 'a')), 99'500u);
}

}  // namespace
}  // namespace catalyst::value
