#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "server/config/keys.h"

// The published schema and the table of the manual follow from key.def. CATALYST_UPDATE=1 rewrites them.

namespace catalyst::server {
namespace {

std::string read(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(PublishedSchema, IsInStepWithTheTable) {
  const std::string path = "docs/catalyst.schema.json";
  if (std::getenv("CATALYST_UPDATE") != nullptr) {
    std::ofstream(path) << config_json_schema();
  }
  EXPECT_EQ(read(path), config_json_schema()) << "run the test with CATALYST_UPDATE=1";
}

TEST(PublishedManual, IsInStepWithTheTable) {
  const std::string path = "docs/configuration.md";
  const std::string begin = "<!-- keys: written by config_test with CATALYST_UPDATE=1 -->\n";
  const std::string end = "<!-- end of keys -->";
  std::string text = read(path);
  const size_t first = text.find(begin);
  const size_t last = text.find(end);
  ASSERT_NE(first, std::string::npos);
  ASSERT_NE(last, std::string::npos);
  const size_t start = first + begin.size();
  if (std::getenv("CATALYST_UPDATE") != nullptr) {
    text.replace(start, last - start, config_key_table_markdown());
    std::ofstream(path) << text;
  }
  const std::string now = read(path);
  EXPECT_EQ(now.substr(start, now.find(end) - start), config_key_table_markdown());
}

}  // namespace
}  // namespace catalyst::server
