#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>

#include "compiler/diagnostics/diagnostic.h"

namespace catalyst::diagnostics {
namespace {

using source::SourceMap;
using source::Span;

constexpr size_t kTabWidth = 4;
// A snippet line may be shown to this many columns; sources are hostile, terminals are not wide.
constexpr size_t kMaxColumns = 160;

struct Style {
  const char* bold = "";
  const char* error = "";
  const char* warning = "";
  const char* gutter = "";
  const char* help = "";
  const char* reset = "";
};

constexpr Style kColored{"\x1b[1m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1;36m", "\x1b[0m"};

/// One character of a source line as it is shown.
struct Cell {
  std::string text;
  size_t width = 1;
  size_t bytes = 1;
};

/// East Asian wide and emoji blocks, as terminals draw them.
bool is_wide(char32_t c) {
  return (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
         (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD);
}

bool is_combining(char32_t c) {
  return (c >= 0x0300 && c <= 0x036F) || (c >= 0x20D0 && c <= 0x20FF) || c == 0x200D;
}

/// Controls, and characters that reorder or hide what follows: shown as escapes, so that a source cannot
/// repaint a terminal.
bool is_unsafe(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F && c != 0x200D) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

Cell escaped(char32_t value, size_t bytes, const char* form) {
  char text[16];
  const int width = std::snprintf(text, sizeof text, form, static_cast<unsigned>(value));
  return {text, static_cast<size_t>(width), bytes};
}

Cell next_cell(std::string_view line) {
  const auto byte = [line](size_t i) { return static_cast<unsigned char>(line[i]); };
  const unsigned char lead = byte(0);
  if (lead == '\t') {
    return {std::string(kTabWidth, ' '), kTabWidth, 1};
  }
  size_t length = 1;
  char32_t value = lead;
  if (lead >= 0xC2 && lead <= 0xF4) {
    length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    value = lead & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; ++i) {
      if (i >= line.size() || (byte(i) & 0xC0) != 0x80) {
        return escaped(lead, 1, "<%02X>");
      }
      value = (value << 6) | (byte(i) & 0x3Fu);
    }
  } else if (lead >= 0x80) {
    return escaped(lead, 1, "<%02X>");
  }
  if (is_unsafe(value)) {
    return escaped(value, length, "<%02X>");
  }
  return {std::string(line.substr(0, length)), is_combining(value) ? 0u : is_wide(value) ? 2u : 1u, length};
}

/// Text of messages may quote sources; the same rules hold, and line breaks stay.
std::string safe(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Cell cell = next_cell(text);
    out += text.front() == '\n' ? "\n" : cell.text;
    text.remove_prefix(cell.bytes);
  }
  return out;
}

class Renderer {
 public:
  Renderer(const SourceMap& sources, Color color) : sources_(sources) {
    if (color == Color::Always) {
      style_ = kColored;
    }
  }

  std::string run(const Diagnostic& diagnostic);

 private:
  void location(Span span, bool first);
  void snippet(Span span, char mark, const std::string& label);
  void gutter(const std::string& number) {
    out_ += style_.gutter + std::string(margin_ - std::min(margin_, number.size()), ' ') + number + " |" +
            style_.reset;
  }

  const SourceMap& sources_;
  Style style_;
  size_t margin_ = 1;
  source::FileId shown_file_;
  std::string out_;
};

void Renderer::location(Span span, bool first) {
  const source::LineColumn at = sources_.position(span.file, span.begin);
  out_ += std::string(margin_, ' ') + style_.gutter + (first ? "--> " : "::: ") + style_.reset +
          safe(sources_.path(span.file)) + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) +
          "\n";
  shown_file_ = span.file;
}

void Renderer::snippet(Span span, char mark, const std::string& label) {
  const source::LineColumn at = sources_.position(span.file, span.begin);
  std::string_view line = sources_.line_at(span.file, span.begin);
  const size_t text_begin = static_cast<size_t>(line.data() - sources_.text(span.file).data());
  std::string shown;
  std::string marks;
  size_t column = 0;
  size_t offset = text_begin;
  const size_t end = std::max(span.end, span.begin + 1);
  // A long line is shown from a little before the place.
  constexpr size_t kBefore = 60;
  if (span.begin > text_begin + kMaxColumns - kBefore) {
    size_t skip = span.begin - text_begin - kBefore;
    while (skip < line.size() && (static_cast<unsigned char>(line[skip]) & 0xC0) == 0x80) {
      ++skip;
    }
    line.remove_prefix(skip);
    offset += skip;
    shown = marks = "";
    shown += "...";
    marks += "   ";
    column = 3;
  }
  while (!line.empty() && column < kMaxColumns) {
    const Cell cell = next_cell(line);
    shown += cell.text;
    const bool inside = offset >= span.begin && offset < end;
    marks += std::string(cell.width, inside ? mark : ' ');
    column += cell.width;
    offset += cell.bytes;
    line.remove_prefix(cell.bytes);
  }
  if (!line.empty()) {
    shown += "...";
  }
  marks.erase(marks.find_last_not_of(' ') + 1);
  if (marks.empty()) {
    marks = std::string(column, ' ') + mark;  // at the end of the line
  }
  gutter(std::to_string(at.line));
  out_ += (shown.empty() ? "" : " ") + shown + "\n";
  gutter("");
  out_ += std::string(" ") + (mark == '^' ? style_.error : style_.gutter) + marks +
          (label.empty() ? "" : " " + safe(label)) + style_.reset + "\n";
}

std::string Renderer::run(const Diagnostic& diagnostic) {
  const KindInfo& about = info(diagnostic.kind);
  const bool error = about.severity == Severity::Error;
  out_ += std::string(error ? style_.error : style_.warning) + (error ? "error" : "warning") + "[" +
          std::string(about.code) + "]" + style_.reset + style_.bold + ": " + safe(diagnostic.message) +
          style_.reset + "\n";
  uint32_t last_line =
      diagnostic.span.valid() ? sources_.position(diagnostic.span.file, diagnostic.span.begin).line : 1;
  for (const Note& note : diagnostic.notes) {
    if (note.span.valid()) {
      last_line = std::max(last_line, sources_.position(note.span.file, note.span.begin).line);
    }
  }
  margin_ = std::to_string(last_line).size();
  if (diagnostic.span.valid()) {
    location(diagnostic.span, true);
    gutter("");
    out_ += "\n";
    snippet(diagnostic.span, '^', "");
  }
  for (const Note& note : diagnostic.notes) {
    if (!note.span.valid()) {
      out_ += std::string(margin_, ' ') + style_.gutter + " = " + style_.reset + style_.bold + "note" +
              style_.reset + ": " + safe(note.text) + "\n";
      continue;
    }
    if (note.span.file != shown_file_) {
      location(note.span, false);
    }
    snippet(note.span, '-', note.text);
  }
  for (const Fix& fix : diagnostic.fixes) {
    out_ += std::string(margin_, ' ') + style_.gutter + " = " + style_.reset + style_.help + "help" +
            style_.reset + ": " + safe(fix.label) + "\n";
  }
  out_ += std::string(margin_, ' ') + style_.gutter + " = " + style_.reset + "`catalyst explain " +
          std::string(about.code) + "` says more\n";
  return std::move(out_);
}

}  // namespace

std::string render(const SourceMap& sources, const Diagnostic& diagnostic, Color color) {
  return Renderer(sources, color).run(diagnostic);
}

}  // namespace catalyst::diagnostics
