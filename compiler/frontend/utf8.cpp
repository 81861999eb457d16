#include "compiler/frontend/utf8.h"

#include <cstdint>
#include <cstdio>

namespace catalyst::frontend {
namespace {

struct Decoded {
  char32_t value = 0;
  size_t length = 0;  // 0: malformed
};

Decoded decode(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    return {lead, 1};
  }
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) {
    return {};
  }
  char32_t value = lead & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) {
      return {};
    }
    value = (value << 6) | (byte(i) & 0x3Fu);
  }
  const char32_t least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
  if (value < least || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) {
    return {};
  }
  return {value, length};
}

}  // namespace

size_t valid_utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Decoded next = decode(text.substr(at));
    if (next.length == 0) {
      return at;
    }
    at += next.length;
  }
  return at;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto put = [&out](uint32_t byte) { out += static_cast<char>(byte); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0u | (code_point >> 6));
    put(0x80u | (code_point & 0x3Fu));
  } else if (code_point < 0x10000) {
    put(0xE0u | (code_point >> 12));
    put(0x80u | ((code_point >> 6) & 0x3Fu));
    put(0x80u | (code_point & 0x3Fu));
  } else {
    put(0xF0u | (code_point >> 18));
    put(0x80u | ((code_point >> 12) & 0x3Fu));
    put(0x80u | ((code_point >> 6) & 0x3Fu));
    put(0x80u | (code_point & 0x3Fu));
  }
}

std::string describe_characters(std::string_view bytes) {
  const auto first = static_cast<unsigned char>(bytes.front());
  if (first >= 0x20 && first < 0x7F) {
    return "`" + std::string(bytes) + "`";
  }
  const Decoded decoded = decode(bytes);
  char number[32];
  if (decoded.length == 0) {
    std::snprintf(number, sizeof number, "the byte 0x%02X", first);
    return number;
  }
  std::snprintf(number, sizeof number, "the character U+%04X", static_cast<unsigned>(decoded.value));
  return number;
}

}  // namespace catalyst::frontend
