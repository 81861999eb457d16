#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/value/value.h"

namespace catalyst::value {

/// "10.1.2.3", "10.0.0.0/8", "2001:db8::1", "2001:db8::/32" as Kind::Ip. Host bits of a network must be zero.
/// nullopt when it is not one.
std::optional<Value> parse_ip(std::string_view text) noexcept;
/// Canonical text; a network carries its prefix length.
void append_ip(std::string& out, const Value& ip);
/// The first and the last address of a network; an address is its own.
std::pair<Value, Value> network_ends(const Value& network) noexcept;
/// Loopback, link-local, private (RFC 1918), unique local (RFC 4193) or unspecified.
bool is_private_ip(const Value& ip) noexcept;

}  // namespace catalyst::value
