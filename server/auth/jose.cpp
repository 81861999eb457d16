#include "server/auth/jose.h"

#include <algorithm>

#include "runtime/base/base64.h"

namespace catalyst::server {
namespace {

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
