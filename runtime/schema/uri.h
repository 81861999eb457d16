#pragma once

// Internal to runtime/schema: addresses of schemas, JSON pointers, and the dialect of patterns.

#include <optional>
#include <string>
#include <string_view>

namespace catalyst::schema {

/// RFC 3986 section 5.2.
std::string resolve_uri(std::string_view base, std::string_view reference);
std::string without_fragment(std::string uri);
/// nullopt when an escape is broken.
std::optional<std::string> percent_decode(std::string_view text);

/// RFC 6901: "~" and "/" in one token.
std::string escape_pointer(std::string_view token);
std::string unescape_pointer(std::string_view token);

/// What ECMA-262 writes otherwise than RE2: \uXXXX, \cX, \/, \d in the Unicode sense is left alone.
std::string to_re2(std::string_view pattern);

}  // namespace catalyst::schema
