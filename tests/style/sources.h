#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace catalyst::style {

struct SourceFile {
  std::string path;    // from the repository root
  std::string folder;  // the longest one that has a row in the table
  std::string text;
  std::vector<std::string> includes;         // "like/this.h"
  std::vector<std::string> system_includes;  // <like/this>
};

/// What docs/architecture.md allows.
class IncludeTable {
 public:
  /// Reads the rows of `| folder | may include | ...`.
  explicit IncludeTable(const std::string& markdown);

  [[nodiscard]] std::string folder_of(const std::string& path) const;
  [[nodiscard]] bool allows(const std::string& from, const std::string& to) const;
  [[nodiscard]] size_t size() const { return rows_.size(); }

 private:
  struct Row {
    bool everything = false;
    bool below = false;  // and what the allowed ones may include
    std::set<std::string> allowed;
    std::set<std::string> excluded;
  };
  bool allowed_by(const Row& row, const std::string& to) const;
  std::map<std::string, Row> rows_;
};

/// Every .h, .cpp and .def of ours, sorted by path.
std::vector<SourceFile> read_sources(const IncludeTable& table);

}  // namespace catalyst::style
