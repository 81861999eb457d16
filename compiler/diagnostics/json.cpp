#include <cstdio>
#include <string>

#include "compiler/diagnostics/diagnostic.h"

namespace catalyst::diagnostics {
namespace {

using source::SourceMap;
using source::Span;

/// Bytes that are not UTF-8 become U+FFFD, so that the output is always JSON.
void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[i];
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      out += escaped;
    } else if (byte < 0x80) {
      out += text[i];
    } else {
      const size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 0;
      bool valid = length != 0 && i + length <= text.size();
      for (size_t k = 1; valid && k < length; ++k) {
        valid = (static_cast<unsigned char>(text[i + k]) & 0xC0) == 0x80;
      }
      out += valid ? text.substr(i, length) : std::string_view("\\ufffd");
      i += valid ? length - 1 : 0;
    }
  }
  out += '"';
}

void append_place(std::string& out, const SourceMap& sources, Span span) {
  if (!span.valid()) {
    return;
  }
  const source::LineColumn begin = sources.position(span.file, span.begin);
  const source::LineColumn end = sources.position(span.file, span.end);
  out += ",\"file\":";
  append_string(out, sources.path(span.file));
  out += ",\"line\":" + std::to_string(begin.line) + ",\"column\":" + std::to_string(begin.column) +
         ",\"end_line\":" + std::to_string(end.line) + ",\"end_column\":" + std::to_string(end.column);
}

}  // namespace

std::string to_json(const SourceMap& sources, const Diagnostic& diagnostic) {
  const KindInfo& about = info(diagnostic.kind);
  std::string out = "{\"code\":";
  append_string(out, about.code);
  out += std::string(",\"severity\":") + (about.severity == Severity::Error ? "\"error\"" : "\"warning\"");
  out += ",\"message\":";
  append_string(out, diagnostic.message);
  append_place(out, sources, diagnostic.span);
  out += ",\"notes\":[";
  for (size_t i = 0; i < diagnostic.notes.size(); ++i) {
    out += i == 0 ? "{\"message\":" : ",{\"message\":";
    append_string(out, diagnostic.notes[i].text);
    append_place(out, sources, diagnostic.notes[i].span);
    out += "}";
  }
  out += "],\"fixes\":[";
  for (size_t i = 0; i < diagnostic.fixes.size(); ++i) {
    out += i == 0 ? "{\"label\":" : ",{\"label\":";
    append_string(out, diagnostic.fixes[i].label);
    out += ",\"text\":";
    append_string(out, diagnostic.fixes[i].text);
    append_place(out, sources, diagnostic.fixes[i].span);
    out += "}";
  }
  return out + "]}";
}

}  // namespace catalyst::diagnostics
