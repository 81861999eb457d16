#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/golden.h"
#include "tests/unit/check/checked.h"

// The snippets of docs/language.md compile. ```cata stands beside the servers named there, ```cata alone
// brings its own, and
// ```cata error=CODE shows a mistake.

namespace catalyst::check {
namespace {

constexpr const char* kServers =
    "server db schema \"schemas/db.json\"\nserver crm schema \"schemas/crm.json\"\nserver slack\n";

struct Snippet {
  std::string info;
  std::string text;
  int line;
};

std::vector<Snippet> snippets_of(const std::string& markdown) {
  std::vector<Snippet> out;
  std::istringstream lines(markdown);
  bool inside = false;
  bool wanted = false;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.rfind("```", 0) != 0) {
      if (wanted) {
        out.back().text += line + "\n";
      }
      continue;
    }
    inside = !inside;
    wanted = inside && line.rfind("```cata", 0) == 0;
    if (wanted) {
      out.push_back({line.substr(7), "", number});
    }
  }
  return out;
}

TEST(LanguageReference, EverySnippetCompiles) {
  const std::vector<Snippet> snippets =
      snippets_of(testing::read_file(testing::repository_path("docs/language.md")));
  EXPECT_GT(snippets.size(), 10U);
  for (const Snippet& snippet : snippets) {
    const bool alone = snippet.info == " alone";
    const Checked checked("language.md:" + std::to_string(snippet.line),
                          (alone ? "" : kServers) + snippet.text);
    const size_t code = snippet.info.find("error=");
    if (code != std::string::npos) {
      EXPECT_NE(checked.codes().find(snippet.info.substr(code + 6)), std::string::npos)
          << checked.diagnostics() << snippet.line;
    } else {
      EXPECT_FALSE(checked.sink.has_errors()) << checked.diagnostics();
    }
  }
}

}  // namespace
}  // namespace catalyst::check
