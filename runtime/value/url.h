#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/value/scratch.h"

namespace catalyst::value {

/// The parts of an absolute URL with an authority (RFC 3986), as a client would understand them. Reading is
/// strict where clients differ, because a rule that reads a URL otherwise than the client that follows it
/// guards nothing: backslashes, blanks, control characters and malformed escapes are refused, and a host that
/// ends in a number is an IPv4 address in whatever notation ("2130706433", "0x7f.1"), or nothing.
struct Url {
  std::string_view scheme;  // lower case
  std::optional<std::string_view> user;
  std::string_view host;  // lower case, without a dot at its end; IPv4 dotted, IPv6 canonical, in brackets
  std::optional<uint16_t> port;  // as written
  std::string_view path;         // as written; "/" when empty
  std::optional<std::string_view> query;
  std::optional<std::string_view> fragment;
};

/// Parts that change are copied into the arena. nullopt when `text` is not such a URL; `*status` is not Ok
/// when there was no room.
std::optional<Url> parse_url(const Scratch& scratch, std::string_view text, Status* status) noexcept;

/// The port that a scheme stands for; nullopt when it has none that everybody knows.
std::optional<uint16_t> default_port(std::string_view scheme) noexcept;

}  // namespace catalyst::value
