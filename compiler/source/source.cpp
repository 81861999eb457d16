#include "compiler/source/source.h"

#include <algorithm>

#include "runtime/base/check.h"

namespace catalyst::source {
namespace {

/// Characters are counted up to every so many bytes, so that the column of a place in a line of a mebibyte is
/// found as fast as any.
constexpr size_t kCountEvery = 256;

uint32_t characters(std::string_view text) {
  // Continuation bytes belong to the character before them.
  return static_cast<uint32_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

uint32_t SourceMap::File::characters_before(uint32_t offset) const {
  const size_t counted = offset / kCountEvery;
  return counts[counted] +
         characters(std::string_view(text).substr(counted * kCountEvery, offset % kCountEvery));
}

FileId SourceMap::add(std::string path, std::string text) {
  auto file = std::make_unique<File>();
  file->path = std::move(path);
  file->text = std::move(text);
  file->line_starts.push_back(0);
  for (size_t i = file->text.find('\n'); i != std::string::npos; i = file->text.find('\n', i + 1)) {
    file->line_starts.push_back(static_cast<uint32_t>(i + 1));
  }
  file->counts.push_back(0);
  for (size_t i = kCountEvery; i <= file->text.size(); i += kCountEvery) {
    file->counts.push_back(file->counts.back() +
                           characters(std::string_view(file->text).substr(i - kCountEvery, kCountEvery)));
  }
  files_.push_back(std::move(file));
  return FileId(files_.size() - 1);
}

std::string_view SourceMap::path(FileId file) const {
  CHECK(file.index < files_.size(), "a file of this source map");
  return files_[file.index]->path;
}

std::string_view SourceMap::text(FileId file) const {
  CHECK(file.index < files_.size(), "a file of this source map");
  return files_[file.index]->text;
}

std::string_view SourceMap::text(Span span) const {
  const std::string_view all = text(span.file);
  const size_t begin = std::min<size_t>(span.begin, all.size());
  const size_t end = std::clamp<size_t>(span.end, begin, all.size());
  return all.substr(begin, end - begin);
}

LineColumn SourceMap::position(FileId file, uint32_t offset) const {
  CHECK(file.index < files_.size(), "a file of this source map");
  const File& f = *files_[file.index];
  offset = static_cast<uint32_t>(std::min<size_t>(offset, f.text.size()));
  const auto next = std::upper_bound(f.line_starts.begin(), f.line_starts.end(), offset);
  LineColumn result;
  result.line = static_cast<uint32_t>(next - f.line_starts.begin());
  const uint32_t line = *(next - 1);
  result.column += offset - line <= kCountEvery
                       ? characters(std::string_view(f.text).substr(line, offset - line))
                       : f.characters_before(offset) - f.characters_before(line);
  return result;
}

std::string_view SourceMap::line_at(FileId file, uint32_t offset) const {
  const std::string_view all = text(file);
  const std::vector<uint32_t>& starts = files_[file.index]->line_starts;
  offset = static_cast<uint32_t>(std::min<size_t>(offset, all.size()));
  const auto next = std::upper_bound(starts.begin(), starts.end(), offset);
  const size_t begin = *(next - 1);
  size_t end = next == starts.end() ? all.size() : *next - 1;
  if (end > begin && all[end - 1] == '\r') {
    --end;
  }
  return all.substr(begin, end - begin);
}

}  // namespace catalyst::source
