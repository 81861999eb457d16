#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>

#include "compiler/diagnostics/diagnostic.h"
#include "tests/style/sources.h"
#include "tests/support/golden.h"

// The rules of the house that a machine can check.

namespace catalyst::style {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxLines = 500;
// Texts, and flat dispatches over a closed set that read worse in parts.
const std::set<std::string> kMayBeLonger = {"compiler/diagnostics/explanations.def"};

class Style : public ::testing::Test {
 protected:
  static const IncludeTable& table() {
    static const IncludeTable kTable(testing::read_file(testing::repository_path("docs/architecture.md")));
    return kTable;
  }
  static const std::vector<SourceFile>& files() {
    static const std::vector<SourceFile> kFiles = read_sources(table());
    return kFiles;
  }
  static bool is_ours(const std::string& include) {
    const std::string top = include.substr(0, include.find('/'));
    static const std::set<std::string> kTops = {"compiler", "grammar", "lsp",  "runtime",
                                                "server",   "stdlib",  "tests"};
    return kTops.count(top) != 0;
  }
};

TEST_F(Style, TheTableOfIncludesIsThere) {
  EXPECT_GT(table().size(), 10u) << "docs/architecture.md has no table";
}

TEST_F(Style, IncludesFollowTheTable) {
  for (const SourceFile& file : files()) {
    for (const std::string& include : file.includes) {
      if (!is_ours(include)) {
        continue;
      }
      const std::string to = table().folder_of(include);
      const bool generated = to == "grammar" && file.folder == "compiler/frontend";
      EXPECT_TRUE(generated || table().allows(file.folder, to))
          << file.path << " includes " << include << ": docs/architecture.md has no edge " << file.folder
          << " -> " << to;
    }
  }
}

TEST_F(Style, FoldersHaveNoCycle) {
  std::map<std::string, std::set<std::string>> edges;
  for (const SourceFile& file : files()) {
    for (const std::string& include : file.includes) {
      if (is_ours(include) && table().folder_of(include) != file.folder) {
        edges[file.folder].insert(table().folder_of(include));
      }
    }
  }
  std::map<std::string, int> state;  // 1: on the path, 2: done
  std::function<void(const std::string&, const std::string&)> visit = [&](const std::string& folder,
                                                                          const std::string& path) {
    EXPECT_NE(state[folder], 1) << "a cycle: " << path;
    if (state[folder] != 0) {
      return;
    }
    state[folder] = 1;
    for (const std::string& next : edges[folder]) {
      visit(next, path + " -> " + next);
    }
    state[folder] = 2;
  };
  const auto begins = edges;
  for (const auto& [folder, ignored] : begins) {
    visit(folder, folder);
  }
}

TEST_F(Style, VendorsStayInTheirFolders) {
  // vendor's include -> the one folder whose files may see it, directly or through other headers; tests may
  // see all
  const std::pair<std::string, std::string> vendors[] = {{"antlr4-runtime.h", "compiler/frontend"},
                                                         {"llvm/", "compiler/codegen"},
                                                         {"z3", "compiler/analysis"},
                                                         {"sqlite3.h", "runtime/store"}};
  std::unordered_map<std::string, const SourceFile*> by_path;
  for (const SourceFile& file : files()) {
    by_path[file.path] = &file;
  }
  for (const auto& [vendor, home] : vendors) {
    std::map<std::string, bool> known;
    std::function<bool(const SourceFile&)> sees = [&, &vendor_name = vendor](const SourceFile& file) {
      const auto found = known.find(file.path);
      if (found != known.end()) {
        return found->second;
      }
      known[file.path] = false;
      const auto is_vendor = [&](const std::string& include) { return include.rfind(vendor_name, 0) == 0; };
      bool result = std::any_of(file.system_includes.begin(), file.system_includes.end(), is_vendor) ||
                    std::any_of(file.includes.begin(), file.includes.end(), is_vendor);
      for (const std::string& include : file.includes) {
        const auto next = by_path.find(include);
        result = result || (next != by_path.end() && sees(*next->second));
      }
      return known[file.path] = result;
    };
    for (const SourceFile& file : files()) {
      EXPECT_TRUE(file.folder == home || file.folder == "tests" || !sees(file))
          << file.path << " sees " << vendor << ", which is for " << home;
    }
  }
}

TEST_F(Style, FilesAreShort) {
  for (const SourceFile& file : files()) {
    const auto lines = static_cast<size_t>(std::count(file.text.begin(), file.text.end(), '\n'));
    EXPECT_TRUE(lines <= kMaxLines || kMayBeLonger.count(file.path) != 0)
        << file.path << " has " << lines << " lines, more than " << kMaxLines;
  }
}

TEST_F(Style, NothingIsLeftForLater) {
  const std::string words[] = {std::string("TO") + "DO", std::string("FIX") + "ME",
                               std::string("XX") + "X:", std::string("/wo") + "rk/"};
  for (const SourceFile& file : files()) {
    for (const std::string& word : words) {
      EXPECT_EQ(file.text.find(word), std::string::npos) << file.path << " says " << word;
    }
    const bool guarded = file.path.size() < 2 || file.path.substr(file.path.size() - 2) != ".h" ||
                         file.text.find("#pragma once") != std::string::npos;
    EXPECT_TRUE(guarded) << file.path << " lacks #pragma once";
  }
}

TEST_F(Style, EveryFolderHasAReadme) {
  std::set<std::string> folders;
  for (const SourceFile& file : files()) {
    folders.insert(file.folder);
  }
  for (const std::string& folder : folders) {
    EXPECT_TRUE(fs::exists(testing::repository_path(folder + "/README.md"))) << folder << " has no README.md";
  }
}

TEST_F(Style, FilesAreFormatted) {
  const std::string list = ::testing::TempDir() + "catalyst_style_files_" + std::to_string(::getpid());
  {
    std::ofstream out(list);
    for (const SourceFile& file : files()) {
      if (file.path.substr(file.path.size() - 4) != ".def") {
        out << testing::repository_path(file.path) << "\n";
      }
    }
  }
  const std::string command = "clang-format-19 --dry-run --files=" + list + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  std::array<char, 4096> buffer;
  for (size_t n = 0; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    output.append(buffer.data(), n);
  }
  const int status = pclose(pipe);
  fs::remove(list);
  std::set<std::string> unformatted;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const size_t mark = line.find(": warning: code should be clang-formatted");
    if (mark != std::string::npos) {
      unformatted.insert(line.substr(0, line.find(':')));
    }
  }
  EXPECT_EQ(status, 0) << output.substr(0, 500);
  for (const std::string& path : unformatted) {
    ADD_FAILURE() << path << " is not formatted: clang-format-19 -i " << path;
  }
}

TEST_F(Style, EveryDiagnosticIsExplainedAndTested) {
  std::string goldens;
  for (const auto& entry : fs::recursive_directory_iterator(testing::repository_path("tests/golden"))) {
    if (entry.path().extension() == ".cata") {
      goldens += testing::read_file(entry.path().string());
    }
  }
  std::set<std::string_view> codes;
  const diagnostics::KindInfo* kinds[] = {
#define DIAGNOSTIC(name, code, severity, form) &diagnostics::info(diagnostics::Kind::name),
#include "compiler/diagnostics/diagnostic.def"
#undef DIAGNOSTIC
  };
  for (const diagnostics::KindInfo* kind : kinds) {
    const std::string code(kind->code);
    EXPECT_TRUE(codes.insert(kind->code).second) << code << " is used twice";
    EXPECT_EQ(kind->severity == diagnostics::Severity::Error, code[0] == 'E') << code;
    EXPECT_NE(goldens.find("[" + code + "]"), std::string::npos)
        << "no golden shows " << code << " " << kind->name;
    EXPECT_GT(kind->explanation.size(), 80u) << code << " is hardly explained";
  }
}

}  // namespace
}  // namespace catalyst::style
