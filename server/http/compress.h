#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace catalyst::server {

enum class Coding : uint8_t { None, Gzip, Zstd };

/// What an Accept-Encoding header (RFC 9110 section 12.5.3) lets us answer with: zstd before gzip, whichever
/// has a weight above 0; None when neither is named.
Coding choose_coding(std::string_view accept_encoding);
std::string_view coding_name(Coding coding);

/// The text in that coding, favouring speed; "" when that failed or gained nothing. Not for Coding::None.
std::string compress(Coding coding, std::string_view text);

}  // namespace catalyst::server
