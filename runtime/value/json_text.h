#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace catalyst::value {

/// Appends `text` as a JSON string with its quotes. Control characters, quotes and backslashes are escaped;
/// other bytes are copied, so `text` must be UTF-8 (bytes that are not are replaced by U+FFFD, which keeps
/// the output valid JSON whatever comes in).
void append_json_string(std::string& out, std::string_view text);

/// `text` as a JSON string with its quotes.
[[nodiscard]] std::string json_string(std::string_view text);

/// The text of a JSON string, given what stands between its quotes. Lone surrogates become U+FFFD; nullopt
/// when an escape is malformed.
[[nodiscard]] std::optional<std::string> unescape_json(std::string_view raw);

/// True when a JSON string's inside has no escapes, so that it is its own text.
[[nodiscard]] inline bool is_plain_json(std::string_view raw) {
  return raw.find('\\') == std::string_view::npos;
}

}  // namespace catalyst::value
