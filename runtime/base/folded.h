#pragma once

#include <string>
#include <string_view>

namespace catalyst {

/// `text` as readers see it that take upper and lower case for the same, such as Go's encoding/json: ASCII
/// letters small, and the two letters beyond ASCII that fold into it (long s, the Kelvin sign).
inline std::string folded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("\xC5\xBF")) {
      out += 's';
      i += 1;
    } else if (rest.starts_with("\xE2\x84\xAA")) {
      out += 'k';
      i += 2;
    } else {
      out += text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
    }
  }
  return out;
}

/// Whether folding would leave it as it is, as it does nearly always.
inline bool is_folded(std::string_view text) {
  for (const char c : text) {
    if ((c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80) {
      return false;
    }
  }
  return true;
}

}  // namespace catalyst
