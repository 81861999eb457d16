#include "tests/style/sources.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tests/support/golden.h"

namespace catalyst::style {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTopFolders[] = {"compiler", "grammar", "lsp", "runtime", "server", "stdlib", "tests"};

/// Words between backquotes, from `begin` to `end`.
std::set<std::string> quoted_words(const std::string& text) {
  std::set<std::string> out;
  for (size_t open = text.find('`'); open != std::string::npos;) {
    const size_t close = text.find('`', open + 1);
    if (close == std::string::npos) {
      break;
    }
    std::string word = text.substr(open + 1, close - open - 1);
    if (!word.empty() && word.back() == '/') {
      word.pop_back();
    }
    out.insert(word);
    open = text.find('`', close + 1);
  }
  return out;
}

bool is_within(const std::string& folder, const std::string& outer) {
  return folder == outer || folder.rfind(outer + "/", 0) == 0;
}

void read_includes(SourceFile& file) {
  std::istringstream lines(file.text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("#include ", 0) != 0 || line.size() < 11) {
      continue;
    }
    const char close = line[9] == '<' ? '>' : '"';
    const size_t end = line.find(close, 10);
    if (end != std::string::npos) {
      (close == '>' ? file.system_includes : file.includes).push_back(line.substr(10, end - 10));
    }
  }
}

}  // namespace

IncludeTable::IncludeTable(const std::string& markdown) {
  std::istringstream lines(markdown);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("| `", 0) != 0) {
      continue;
    }
    const size_t second = line.find('|', 1);
    const size_t third = line.find('|', second + 1);
    if (third == std::string::npos) {
      continue;
    }
    const std::set<std::string> names = quoted_words(line.substr(0, second));
    const std::string allowed = line.substr(second + 1, third - second - 1);
    const size_t but = std::min(allowed.find("but"), allowed.size());
    Row row;
    row.everything = allowed.find("everything") < but;
    row.below = allowed.find("and below") < but;
    row.allowed = quoted_words(allowed.substr(0, but));
    row.excluded = quoted_words(allowed.substr(but));
    for (const std::string& name : names) {
      rows_[name] = row;
    }
  }
}

std::string IncludeTable::folder_of(const std::string& path) const {
  std::string folder = path.substr(0, path.rfind('/'));
  while (rows_.count(folder) == 0 && folder.find('/') != std::string::npos) {
    folder.resize(folder.rfind('/'));
  }
  return folder;
}

bool IncludeTable::allowed_by(const Row& row, const std::string& to) const {
  const auto within = [&to](const std::string& outer) { return is_within(to, outer); };
  if (std::any_of(row.excluded.begin(), row.excluded.end(), within)) {
    return false;
  }
  if (row.everything || std::any_of(row.allowed.begin(), row.allowed.end(), within)) {
    return true;
  }
  return row.below &&
         std::any_of(row.allowed.begin(), row.allowed.end(),
                     [this, &to](const std::string& via) { return via != to && allows(via, to); });
}

bool IncludeTable::allows(const std::string& from, const std::string& to) const {
  const auto row = rows_.find(from);
  return from == to || (row != rows_.end() && allowed_by(row->second, to));
}

std::vector<SourceFile> read_sources(const IncludeTable& table) {
  std::vector<SourceFile> files;
  const fs::path root = testing::repository_path("");
  for (const char* top : kTopFolders) {
    if (!fs::is_directory(root / top)) {
      continue;
    }
    for (auto at = fs::recursive_directory_iterator(root / top); at != fs::recursive_directory_iterator();
         ++at) {
      if (at->is_directory() && at->path().filename() == "node_modules") {
        at.disable_recursion_pending();
        continue;
      }
      const std::string extension = at->path().extension().string();
      if (extension != ".h" && extension != ".cpp" && extension != ".def") {
        continue;
      }
      SourceFile file;
      file.path = fs::relative(at->path(), root).string();
      file.folder = table.folder_of(file.path);
      file.text = testing::read_file(at->path().string());
      read_includes(file);
      files.push_back(std::move(file));
    }
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

}  // namespace catalyst::style
