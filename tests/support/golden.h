#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace catalyst::testing {

/// One golden: a `.cata` file whose last lines are comments that hold what is expected of the lines before
/// them.
///
///     fact x = 1 +
///     // CHECK:diagnostics
///     // error[E0101]: ...
///
/// Everything in front of the first line that begins with `// CHECK:` is the source.
struct GoldenSource {
  std::string path;  // file name without folder, as diagnostics should print it
  std::string text;
};

/// Computes one section's text from the source. The text is compared line by line, in full; trailing blanks
/// do not count.
struct GoldenSection {
  std::string name;
  std::function<std::string(const GoldenSource&)> produce;
};

struct GoldenSuite {
  std::string name;       // of the GoogleTest suite
  std::string directory;  // from the repository root, "tests/golden/parse"
  std::vector<GoldenSection> sections;
  /// Written to files that have no section yet when goldens are updated; other sections are checked only
  /// where a file has them.
  std::vector<std::string> defaults;
};

/// Registers one test for each `.cata` file of the suite's directory (sorted, not recursive). Call it before
/// RUN_ALL_TESTS, from the initialiser of a namespace-scope constant. A file with a section that the suite
/// does not know fails. With UPDATE_GOLDENS=1 in the environment, or `--update` on the command line, the
/// tests rewrite the sections instead of comparing them.
bool register_goldens(GoldenSuite suite);

/// An absolute path from one relative to the repository root.
std::string repository_path(std::string_view relative);
std::string read_file(const std::string& path);

}  // namespace catalyst::testing
