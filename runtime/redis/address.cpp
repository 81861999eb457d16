#include "runtime/redis/address.h"

#include <charconv>
#include <optional>

namespace catalyst::redis {
namespace {

constexpr uint32_t kDatabaseMax = 1'000'000;

int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && failure == std::errc{} && end == text.data() + text.size();
}

Error wrong(std::string_view what) {
  return error(std::string(what) +
               "; write redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE] or "
               "unix://[[USER]:PASSWORD@]/PATH[?db=DATABASE]");
}

/// Takes USER:PASSWORD@ off the front.
bool take_credentials(std::string_view& rest, Address& out) {
  const size_t at = rest.substr(0, rest.find('/')).rfind('@');
  if (at == std::string_view::npos) {
    return true;
  }
  const std::string_view credentials = rest.substr(0, at);
  const size_t colon = credentials.find(':');
  const auto user = unescape(credentials.substr(0, colon));
  const auto password =
      unescape(colon == std::string_view::npos ? std::string_view() : credentials.substr(colon + 1));
  rest.remove_prefix(at + 1);
  if (!user || !password || password->empty()) {
    return false;
  }
  out.user = *user;
  out.password = *password;
  return true;
}

Result<Address> parse_unix(std::string_view rest) {
  Address out;
  if (!take_credentials(rest, out)) {
    return wrong("a user needs a password, and `%` two digits");
  }
  const size_t query = rest.find('?');
  const auto path = unescape(rest.substr(0, query));
  if (!path || !path->starts_with('/') || path->find('\0') != std::string::npos) {
    return wrong("the path of the socket must be absolute");
  }
  out.path = *path;
  if (query != std::string_view::npos) {
    const std::string_view text = rest.substr(query + 1);
    if (!text.starts_with("db=") || !read_number(text.substr(3), out.database) ||
        out.database > kDatabaseMax) {
      return wrong("`?db=` must be followed by a number");
    }
  }
  return out;
}

Result<Address> parse_tcp(std::string_view rest) {
  Address out;
  if (!take_credentials(rest, out)) {
    return wrong("a user needs a password, and `%` two digits");
  }
  const size_t slash = rest.find('/');
  const std::string_view database = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
  if (!database.empty() && (!read_number(database, out.database) || out.database > kDatabaseMax)) {
    return wrong("the database must be a number");
  }
  std::string_view place = rest.substr(0, slash);
  const bool v6 = place.starts_with('[');
  const size_t close = v6 ? place.find(']') : 0;
  if (v6 && close == std::string_view::npos) {
    return wrong("`[` without `]`");
  }
  const size_t colon = place.find(':', close);
  if (colon != std::string_view::npos && (!read_number(place.substr(colon + 1), out.port) || out.port == 0)) {
    return wrong("the port must be a number up to 65535");
  }
  place = place.substr(0, colon);
  if (v6) {
    place = place.substr(1, close - 1);
  }
  if (place.empty() || place.find_first_of(" \t\r\n\\?#") != std::string_view::npos ||
      place.find('\0') != std::string_view::npos) {
    return wrong("the host is missing");
  }
  out.host = place;
  return out;
}

}  // namespace

std::string Address::text() const {
  if (host.empty()) {
    return "unix://" + path;
  }
  const bool v6 = host.find(':') != std::string::npos;
  return "redis://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Address> parse_address(std::string_view url) {
  if (url.starts_with("rediss://")) {
    return error("TLS to Redis is not spoken; use a Unix socket, or a TLS tunnel on this machine");
  }
  if (url.starts_with("unix://")) {
    return parse_unix(url.substr(7));
  }
  if (url.starts_with("redis://")) {
    return parse_tcp(url.substr(8));
  }
  return wrong("this is no address of a Redis");
}

}  // namespace catalyst::redis
