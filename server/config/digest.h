#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace catalyst::server {

using Digest = std::array<uint8_t, 32>;

Digest sha256(std::string_view text);
/// 64 lower-case hexadecimal digits.
std::string hex_digest(const Digest& digest);

}  // namespace catalyst::server
