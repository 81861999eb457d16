#include "runtime/abi/symbol_table.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace catalyst::abi {
namespace {

std::string random_name(std::mt19937& random, size_t length_below) {
  std::string name(random() % length_below, ' ');
  for (char& c : name) {
    c = static_cast<char>("ab\0z"[random() % 4]);
  }
  return name;
}

void expect_all(const SymbolTable& table, const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i) {
    ASSERT_EQ(table.find(names[i]), static_cast<int32_t>(i)) << names[i];
    EXPECT_EQ(table.name(static_cast<uint32_t>(i)), names[i]);
  }
}

TEST(SymbolTable, FindsItsNamesAndNoOther) {
  std::mt19937 random(7);
  for (const size_t count : {0u, 1u, 2u, 5u, 8u, 60u, 1000u, 20'000u}) {
    std::set<std::string> all;
    while (all.size() < count) {
      all.insert(random_name(random, 40));
    }
    const std::vector<std::string> names(all.begin(), all.end());
    const SymbolTable table(names);
    EXPECT_EQ(table.size(), count);
    expect_all(table, names);
    for (int i = 0; i < 2000; ++i) {
      const std::string other = random_name(random, 40);
      EXPECT_EQ(table.find(other) >= 0, all.contains(other)) << other;
    }
  }
}

/// Names that multiply to nothing share every hash.
TEST(SymbolTable, FindsNamesThatWereMadeToCollide) {
  constexpr uint64_t kNothing = 0xd6e8feb86659fd93u;
  std::vector<std::string> names;
  for (uint64_t i = 0; i < 100; ++i) {
    std::string& name = names.emplace_back(16, '\0');
    std::memcpy(name.data(), &i, 8);
    std::memcpy(name.data() + 8, &kNothing, 8);
  }
  const SymbolTable table(names);
  expect_all(table, names);
  EXPECT_EQ(table.find("another"), -1);
}

TEST(TextKey, IsTheTextUpToSixteenBytes) {
  std::mt19937 random(8);
  for (int i = 0; i < 50'000; ++i) {
    const std::string x = random_name(random, 18);
    const std::string y = random_name(random, 18);
    const TextKey kx = TextKey::of(x);
    const TextKey ky = TextKey::of(std::string(y));
    EXPECT_EQ(kx.exact(), x.size() <= 16);
    if (kx.exact() && ky.exact()) {
      EXPECT_EQ(kx == ky, x == y) << x << " " << y;
    }
  }
}

/// A key is read in one load, which must not touch a page that is not the text's.
TEST(TextKey, ReadsNothingBehindThePage) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  auto* const pages =
      static_cast<char*>(mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(pages, MAP_FAILED);
  ASSERT_EQ(mprotect(pages + page, page, PROT_NONE), 0);
  const std::string text = "0123456789abcdefghijklmnopqrstuv";
  for (size_t length = 0; length <= text.size(); ++length) {
    for (size_t room = 0; room <= 32; ++room) {
      char* const at = pages + page - length - room;
      std::memcpy(at, text.data(), length);
      EXPECT_TRUE(TextKey::of({at, length}) == TextKey::of(text.substr(0, length))) << length;
    }
  }
  munmap(pages, 2 * page);
}

}  // namespace
}  // namespace catalyst::abi
