#include "server/auth/jose.h"

#include <algorithm>
#include <array>

namespace catalyst::server {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<int8_t, 256> make_values() {
  std::array<int8_t, 256> out{};
  out.fill(-1);
  for (size_t i = 0; i < kAlphabet.size(); ++i) {
    out[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
  }
  return out;
}
constexpr std::array<int8_t, 256> kValues = make_values();

std::optional<Json> decode_object(std::string_view part) {
  const std::optional<std::string> text = base64url_decode(part);
  if (!text) {
    return std::nullopt;
  }
  std::optional<Json> out = parse_strict(*text);
  return out && out->is_object() ? std::move(out) : std::nullopt;
}

}  // namespace

std::optional<Algorithm> algorithm_of(std::string_view name) {
  static constexpr std::string_view kNames[] = {
#define ALGORITHM(name, text, key, digest) text,
#include "server/config/algorithm.def"
#undef ALGORITHM
  };
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  return found == std::end(kNames) ? std::nullopt
                                   : std::optional(static_cast<Algorithm>(found - std::begin(kNames)));
}

std::optional<std::string> base64url_decode(std::string_view text) {
  if (text.size() % 4 == 1) {
    return std::nullopt;
  }
  std::string out;
  out.reserve(text.size() * 3 / 4);
  uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    const int8_t value = kValues[static_cast<unsigned char>(c)];
    if (value < 0) {
      return std::nullopt;
    }
    bits = (bits << 6) | static_cast<uint32_t>(value);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out += static_cast<char>((bits >> have) & 0xff);
    }
  }
  if ((bits & ((1U << have) - 1)) != 0) {
    return std::nullopt;
  }
  return out;
}

std::string base64url_encode(std::string_view bytes) {
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    have += 8;
    while (have >= 6) {
      have -= 6;
      out += kAlphabet[(bits >> have) & 63];
    }
  }
  if (have > 0) {
    out += kAlphabet[(bits << (6 - have)) & 63];
  }
  return out;
}

Result<CompactJws> parse_compact(std::string_view token) {
  const size_t first = token.find('.');
  const size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return error("the token is not a JWT of three parts");
  }
  CompactJws out;
  std::optional<Json> header = decode_object(token.substr(0, first));
  std::optional<Json> payload = decode_object(token.substr(first + 1, second - first - 1));
  std::optional<std::string> signature = base64url_decode(token.substr(second + 1));
  if (!header || !payload || !signature) {
    return error("the token is damaged");
  }
  if (header->contains("crit")) {
    return error("the token demands an extension that is not known");
  }
  out.header = std::move(*header);
  out.payload = std::move(*payload);
  out.signing_input = token.substr(0, second);
  out.signature = std::move(*signature);
  return out;
}

}  // namespace catalyst::server
