#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace catalyst {

/// Base 64 with padding (RFC 4648 section 4).
[[nodiscard]] std::string base64_encode(std::string_view bytes);
/// nullopt for anything that base64_encode does not write: one text for one value, so bits that carry nothing
/// must be zero (section 3.5).
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

/// The same in the alphabet of URLs and file names, without padding (section 5).
[[nodiscard]] std::string base64url_encode(std::string_view bytes);
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace catalyst
