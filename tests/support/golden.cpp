#include "tests/support/golden.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

namespace catalyst::testing {
namespace {

constexpr std::string_view kMarker = "// CHECK:";

struct Expected {
  std::string name;
  std::string text;
};

struct Golden {
  std::string source;
  std::vector<Expected> sections;
};

std::string trimmed(std::string_view text) {
  std::string out;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    line.erase(line.find_last_not_of(" \t\r") + 1);
    out += line + "\n";
  }
  while (out.size() > 1 && out.substr(out.size() - 2) == "\n\n") {
    out.pop_back();
  }
  return out == "\n" ? "" : out;
}

Golden split(const std::string& text) {
  Golden golden;
  size_t at = text.rfind(kMarker, 0) == 0 ? 0 : text.find("\n" + std::string(kMarker));
  if (at == std::string::npos) {
    golden.source = text;
    return golden;
  }
  at += text[at] == '\n' ? 1 : 0;
  golden.source = text.substr(0, at);
  std::istringstream lines(text.substr(at));
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(kMarker, 0) == 0) {
      golden.sections.push_back({line.substr(kMarker.size()), ""});
    } else if (line.rfind("//", 0) == 0) {
      golden.sections.back().text +=
          line.substr(std::min<size_t>(line.size(), line[2] == ' ' ? 3 : 2)) + "\n";
    } else if (!line.empty()) {
      golden.sections.back().text += "not a comment: " + line + "\n";
    }
  }
  return golden;
}

std::string join(const Golden& golden) {
  std::string out = golden.source;
  for (const Expected& section : golden.sections) {
    out += std::string(kMarker) + section.name + "\n";
    std::istringstream lines(section.text);
    for (std::string line; std::getline(lines, line);) {
      out += line.empty() ? "//\n" : "// " + line + "\n";
    }
  }
  return out;
}

bool updating() {
  const char* variable = std::getenv("UPDATE_GOLDENS");
  if (variable != nullptr && std::string_view(variable) == "1") {
    return true;
  }
  const std::string command_line = read_file("/proc/self/cmdline");
  return command_line.find(std::string("\0--update\0", 10)) != std::string::npos;
}

std::string program() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length <= 0 ? "the test" : std::string(path, static_cast<size_t>(length));
}

/// The first line that differs, in the manner of a diff.
std::string difference(const std::string& expected, const std::string& actual) {
  std::istringstream left(expected);
  std::istringstream right(actual);
  for (size_t number = 1;; ++number) {
    std::string a;
    std::string b;
    const bool more_a = static_cast<bool>(std::getline(left, a));
    const bool more_b = static_cast<bool>(std::getline(right, b));
    if (!more_a && !more_b) {
      return {};
    }
    if (a != b || more_a != more_b) {
      return "first difference in line " + std::to_string(number) + " of the section:\n- " +
             (more_a ? a : "(end of the section)") + "\n+ " + (more_b ? b : "(end of the section)") + "\n";
    }
  }
}

class GoldenTest : public ::testing::Test {
 public:
  GoldenTest(std::shared_ptr<const GoldenSuite> suite, std::filesystem::path file)
      : suite_(std::move(suite)), file_(std::move(file)) {}

  void TestBody() override {
    const std::string before = read_file(file_.string());
    Golden golden = split(before);
    const bool update = updating();
    if (update && golden.sections.empty()) {
      if (!golden.source.empty() && golden.source.back() != '\n') {
        golden.source += '\n';
      }
      for (const std::string& name : suite_->defaults) {
        golden.sections.push_back({name, ""});
      }
    }
    EXPECT_FALSE(golden.sections.empty())
        << file_ << " expects nothing; add a line `// CHECK:...` and update";
    const GoldenSource source{file_.filename().string(), golden.source};
    for (Expected& section : golden.sections) {
      check(source, section, update);
    }
    const std::string after = join(golden);
    if (update && after != before) {
      std::ofstream(file_, std::ios::binary) << after;
    }
  }

 private:
  void check(const GoldenSource& source, Expected& section, bool update) const {
    const auto known = std::find_if(suite_->sections.begin(), suite_->sections.end(),
                                    [&section](const GoldenSection& s) { return s.name == section.name; });
    if (known == suite_->sections.end()) {
      ADD_FAILURE() << file_ << ": nothing here produces the section " << section.name;
      return;
    }
    const std::string actual = trimmed(known->produce(source));
    if (update) {
      section.text = actual;
      return;
    }
    const std::string expected = trimmed(section.text);
    if (expected != actual) {
      ADD_FAILURE() << file_.string() << " (" << section.name << ")\n"
                    << difference(expected, actual) << "---- actual ----\n"
                    << actual << "----\nrerun:  " << program() << " --gtest_filter='" << suite_->name << "."
                    << file_.stem().string() << "'\naccept: add --update";
    }
  }

  std::shared_ptr<const GoldenSuite> suite_;
  std::filesystem::path file_;
};

}  // namespace

std::string repository_path(std::string_view relative) {
  return CATALYST_SOURCE_DIR "/" + std::string(relative);
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

bool register_goldens(GoldenSuite suite) {
  const auto shared = std::make_shared<const GoldenSuite>(std::move(suite));
  std::vector<std::filesystem::path> files;
  const std::string directory = repository_path(shared->directory);
  if (std::filesystem::is_directory(directory)) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      if (entry.path().extension() == ".cata") {
        files.push_back(entry.path());
      }
    }
  }
  std::sort(files.begin(), files.end());
  for (const std::filesystem::path& file : files) {
    ::testing::RegisterTest(shared->name.c_str(), file.stem().c_str(), nullptr, nullptr, file.c_str(), 1,
                            [shared, file]() -> ::testing::Test* { return new GoldenTest(shared, file); });
  }
  return true;
}

}  // namespace catalyst::testing
