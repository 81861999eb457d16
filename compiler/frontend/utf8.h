#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace catalyst::frontend {

/// Bytes at the beginning of `text` that are well-formed UTF-8 (no overlong forms, no surrogates).
size_t valid_utf8_prefix(std::string_view text);

/// Appends a code point (a scalar value) as UTF-8.
void append_utf8(std::string& out, char32_t code_point);

/// For messages: "`&&`", or "the character U+0007" when it cannot be shown.
std::string describe_characters(std::string_view bytes);

}  // namespace catalyst::frontend
