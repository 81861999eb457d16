#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "compiler/ast/print.h"
#include "compiler/frontend/format.h"
#include "compiler/frontend/parse.h"
#include "tests/support/golden.h"
#include "tests/unit/frontend/random_tree.h"

// Sources that there are, and trees made at random: written by the formatter and read back, the same tree,
// and the same text when written again. ROUNDTRIP_SEED and ROUNDTRIP_COUNT in the environment choose other
// trees.

namespace catalyst::frontend {
namespace {

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

TEST(Roundtrip, RandomTreesSurviveFormattingAndParsing) {
  const uint64_t seed = from_environment("ROUNDTRIP_SEED", 20261123);
  const uint64_t count = from_environment("ROUNDTRIP_COUNT", 20'000);
  RecordProperty("seed", std::to_string(seed));
  for (uint64_t i = 0; i < count; ++i) {
    source::SourceMap sources;
    Ast tree;
    tree.file = sources.add("generated.cata", "");
    Generator(seed + i).file(tree);
    const std::string written = format(sources, tree);

    diagnostics::Sink sink;
    const source::FileId file = sources.add("written.cata", written);
    const Ast again = parse(sources, file, sink);
    ASSERT_EQ(sink.error_count(), 0u) << "seed " << seed + i << "\n"
                                      << render(sources, sink.all()[0], diagnostics::Color::Never) << written;
    ASSERT_EQ(print(again), print(tree)) << "seed " << seed + i << "\n" << written;
    ASSERT_EQ(format(sources, again), written) << "seed " << seed + i;
  }
}

TEST(Roundtrip, EverySourceSurvivesFormattingAndParsing) {
  size_t survived = 0;
  for (const char* const folder : {"tests/golden", "stdlib", "examples"}) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(testing::repository_path(folder))) {
      if (entry.path().extension() != ".cata" ||
          entry.path().string().find("node_modules") != std::string::npos) {
        continue;
      }
      std::string text = testing::read_file(entry.path());
      text.resize(std::min(text.size(), text.find("\n// CHECK:")));
      source::SourceMap sources;
      diagnostics::Sink sink;
      const Ast tree = parse(sources, sources.add("source.cata", text), sink);
      if (sink.has_errors()) {
        continue;  // goldens of syntax errors
      }
      const std::string written = format(sources, tree);
      const Ast again = parse(sources, sources.add("written.cata", written), sink);
      ASSERT_EQ(sink.error_count(), 0u) << entry.path() << "\n" << written;
      ASSERT_EQ(print(again), print(tree)) << entry.path() << "\n" << written;
      ASSERT_EQ(format(sources, again), written) << entry.path();
      ++survived;
    }
  }
  EXPECT_GT(survived, 80u);
}

}  // namespace
}  // namespace catalyst::frontend
