#include "runtime/value/json_text.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "runtime/value/utf8.h"

namespace catalyst::value {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::optional<uint32_t> hex4(std::string_view raw, size_t at) {
  if (at + 4 > raw.size()) {
    return std::nullopt;
  }
  uint32_t code = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const char c = raw[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) {
      return std::nullopt;
    }
    code = code * 16 + static_cast<uint32_t>(digit);
  }
  return code;
}

char simple_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return '\0';
  }
}

/// The code point of the \u escape whose hex digits start at `at`; moves `at` behind it (and behind its low
/// surrogate).
std::optional<uint32_t> unicode_escape(std::string_view raw, size_t& at) {
  const std::optional<uint32_t> code = hex4(raw, at);
  if (!code) {
    return std::nullopt;
  }
  at += 4;
  if (*code < 0xD800 || *code > 0xDFFF) {
    return code;
  }
  if (*code <= 0xDBFF && raw.substr(at, 2) == "\\u") {
    const std::optional<uint32_t> low = hex4(raw, at + 2);
    if (low && *low >= 0xDC00 && *low <= 0xDFFF) {
      at += 6;
      return 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
    }
  }
  return 0xFFFD;
}

/// How many bytes from the start need no escape and are ASCII, as far as words of eight can tell: strings on
/// their way to an upstream are mostly nothing else.
size_t safe_prefix(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101ULL;
  constexpr uint64_t kHigh = 0x8080808080808080ULL;
  const auto is_safe = [text](size_t at) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    const auto has_byte = [&](char c) {
      const uint64_t different = word ^ (kOnes * static_cast<uint8_t>(c));
      return (different - kOnes) & ~different;
    };
    const uint64_t control = (word - kOnes * 0x20) & ~word;
    return ((control | has_byte('"') | has_byte('\\') | word) & kHigh) == 0;
  };
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    if (!is_safe(i)) {
      return i;
    }
  }
  return i > 0 && is_safe(text.size() - 8) ? text.size() : i;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out.reserve(out.size() + text.size() + 2);
  out += '"';
  size_t copied = 0;
  const auto flush = [&](size_t end) { out.append(text.substr(copied, end - copied)); };
  for (size_t i = safe_prefix(text); i < text.size();) {
    const auto c = static_cast<uint8_t>(text[i]);
    if (c >= 0x80) {
      const size_t length = utf8_length(text, i);
      if (length != 0) {
        i += length;
        continue;
      }
    } else if (c >= 0x20 && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    flush(i);
    if (c >= 0x80) {
      out += kReplacement;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    }
    copied = ++i;
  }
  flush(text.size());
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_json_string(out, text);
  return out;
}

std::optional<std::string> unescape_json(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (size_t i = 0; i < raw.size();) {
    if (raw[i] != '\\') {
      out += raw[i++];
      continue;
    }
    if (i + 1 >= raw.size()) {
      return std::nullopt;
    }
    const char kind = raw[i + 1];
    i += 2;
    if (kind == 'u') {
      const std::optional<uint32_t> code = unicode_escape(raw, i);
      if (!code) {
        return std::nullopt;
      }
      append_utf8(out, *code);
    } else if (const char c = simple_escape(kind); c != '\0') {
      out += c;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

}  // namespace catalyst::value
