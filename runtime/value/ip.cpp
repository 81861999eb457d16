#include "runtime/value/ip.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

#include "runtime/value/ops.h"

namespace catalyst::value {
namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

void octets_of(const Value& ip, uint8_t (&octets)[16]) noexcept {
  std::memcpy(octets, &ip.a, 8);
  std::memcpy(octets + 8, &ip.b, 8);
}

bool host_bits_zero(const uint8_t (&octets)[16], unsigned prefix) noexcept {
  for (unsigned bit = prefix; bit < 128; bit++) {
    if ((octets[bit / 8] >> (7 - bit % 8) & 1) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<Value> parse_ip(std::string_view text) noexcept {
  char address[64];
  const size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  if (host.empty() || host.size() >= sizeof address) {
    return std::nullopt;
  }
  std::memcpy(address, host.data(), host.size());
  address[host.size()] = '\0';
  uint8_t octets[16];
  unsigned family_bits = 128;
  if (inet_pton(AF_INET, address, octets + 12) == 1) {
    std::memcpy(octets, kMappedPrefix, sizeof kMappedPrefix);
    family_bits = 32;
  } else if (inet_pton(AF_INET6, address, octets) != 1) {
    return std::nullopt;
  }
  unsigned prefix = family_bits;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (problem != std::errc() || end != digits.data() + digits.size() || prefix > family_bits) {
      return std::nullopt;
    }
  }
  prefix += 128 - family_bits;
  if (!host_bits_zero(octets, prefix)) {
    return std::nullopt;
  }
  return Value::of_ip(octets, static_cast<uint8_t>(prefix));
}

void append_ip(std::string& out, const Value& ip) {
  uint8_t octets[16];
  octets_of(ip, octets);
  char text[INET6_ADDRSTRLEN];
  const bool v4 = std::memcmp(octets, kMappedPrefix, sizeof kMappedPrefix) == 0 && ip.scale >= 96;
  inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? octets + 12 : octets, text, sizeof text);
  out.append(text);
  if (ip.scale != 128) {
    out.append("/").append(std::to_string(v4 ? ip.scale - 96 : ip.scale));
  }
}

std::pair<Value, Value> network_ends(const Value& network) noexcept {
  uint8_t first[16];
  std::memcpy(first, &network.a, 8);
  std::memcpy(first + 8, &network.b, 8);
  uint8_t last[16];
  for (unsigned i = 0; i < 16; i++) {
    const unsigned bits = network.scale <= 8 * i         ? 8
                          : network.scale >= 8 * (i + 1) ? 0
                                                         : 8 * (i + 1) - network.scale;
    last[i] = static_cast<uint8_t>(first[i] | ((1u << bits) - 1));
  }
  return {Value::of_ip(first, 128), Value::of_ip(last, 128)};
}

bool is_private_ip(const Value& ip) noexcept {
  static const Value kNetworks[] = {*parse_ip("10.0.0.0/8"),     *parse_ip("172.16.0.0/12"),
                                    *parse_ip("192.168.0.0/16"), *parse_ip("127.0.0.0/8"),
                                    *parse_ip("169.254.0.0/16"), *parse_ip("0.0.0.0/32"),
                                    *parse_ip("::1/128"),        *parse_ip("::/128"),
                                    *parse_ip("fc00::/7"),       *parse_ip("fe80::/10")};
  for (const Value& network : kNetworks) {
    if (ip_inside(ip, network)) {
      return true;
    }
  }
  return false;
}

}  // namespace catalyst::value
