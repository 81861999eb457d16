#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/ids.h"

namespace catalyst::source {

struct FileTag;
using FileId = Id<FileTag>;

/// A half-open range of bytes in one file.
struct Span {
  FileId file;
  uint32_t begin = 0;
  uint32_t end = 0;

  [[nodiscard]] bool valid() const { return file.valid(); }
  bool operator==(const Span&) const = default;
};

/// 1-based line and column; the column counts Unicode code points, as editors show it.
struct LineColumn {
  uint32_t line = 1;
  uint32_t column = 1;
};

/// The texts of one compilation. Files are added once and never change; addresses of texts are stable.
class SourceMap {
 public:
  /// `path` is what diagnostics print.
  FileId add(std::string path, std::string text);

  [[nodiscard]] size_t size() const { return files_.size(); }
  [[nodiscard]] std::string_view path(FileId file) const;
  [[nodiscard]] std::string_view text(FileId file) const;
  [[nodiscard]] std::string_view text(Span span) const;
  [[nodiscard]] LineColumn position(FileId file, uint32_t offset) const;
  /// The whole line (without its end) that holds `offset`.
  [[nodiscard]] std::string_view line_at(FileId file, uint32_t offset) const;

 private:
  struct File {
    std::string path;
    std::string text;
    std::vector<uint32_t> line_starts;
    std::vector<uint32_t> counts;  // characters before every 256th byte

    [[nodiscard]] uint32_t characters_before(uint32_t offset) const;
  };
  std::vector<std::unique_ptr<File>> files_;
};

}  // namespace catalyst::source
