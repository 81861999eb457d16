#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace catalyst::server {

enum class Coding : uint8_t { None, Gzip, Zstd };

/// What an Accept-Encoding header (RFC 9110 section 12.5.3) wants us to answer with: the coding of the
/// greatest weight, of equals zstd before gzip; None when neither is wanted, or `identity` is named with a
/// greater one.
Coding choose_coding(std::string_view accept_encoding);
std::string_view coding_name(Coding coding);

/// The text in that coding, favouring speed; "" when that failed or gained nothing. Not for Coding::None.
std::string compress(Coding coding, std::string_view text);

}  // namespace catalyst::server
