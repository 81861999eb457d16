#include "runtime/value/url.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "runtime/value/ip.h"

namespace catalyst::value {
namespace {

constexpr size_t kUrlBytesMax = 64 * 1024;
constexpr size_t kHostBytesMax = 253;  // RFC 1035

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// Visible ASCII or a byte of a longer character, and escapes are whole.
bool is_clean(std::string_view text) {
  for (size_t i = 0; i < text.size(); i++) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c <= 0x20 || c == 0x7F || c == '\\' || c == '"' || c == '<' || c == '>' || c == '`' || c == '{' ||
        c == '}' || c == '|' || c == '^') {
      return false;
    }
    if (c == '%' && (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2]))) {
      return false;
    }
  }
  return true;
}

/// One part of an IPv4 address in a notation of C: 127, 0177, 0x7f.
std::optional<uint64_t> ipv4_part(std::string_view text) {
  int base = 10;
  if (text.size() > 1 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text.remove_prefix(2);
    if (text.empty()) {
      return 0;
    }
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  uint64_t x = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), x, base);
  return problem == std::errc() && end == text.data() + text.size() ? std::optional(x) : std::nullopt;
}

bool ends_in_number(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return !last.empty() && (std::all_of(last.begin(), last.end(), is_digit) || ipv4_part(last).has_value());
}

/// 1 to 4 parts; the last one fills what is left.
std::optional<uint32_t> ipv4_number(std::string_view host) {
  uint64_t address = 0;
  for (int count = 1;; count++) {
    const size_t dot = host.find('.');
    const std::optional<uint64_t> part = ipv4_part(host.substr(0, dot));
    if (!part || count > 4) {
      return std::nullopt;
    }
    if (dot == std::string_view::npos) {
      const int bits = 8 * (5 - count);
      return *part < (uint64_t{1} << bits) ? std::optional(static_cast<uint32_t>((address << bits) | *part))
                                           : std::nullopt;
    }
    if (*part > 255) {
      return std::nullopt;
    }
    address = address << 8 | *part;
    host.remove_prefix(dot + 1);
  }
}

class Parser {
 public:
  Parser(const Scratch& scratch, std::string_view text) : scratch_(scratch), rest_(text) {}

  std::optional<Url> run() {
    Url url;
    if (rest_.size() > kUrlBytesMax || !is_clean(rest_) || !scheme(&url) || !authority(&url)) {
      return std::nullopt;
    }
    if (const size_t hash = rest_.find('#'); hash != std::string_view::npos) {
      url.fragment = rest_.substr(hash + 1);
      rest_ = rest_.substr(0, hash);
    }
    if (const size_t mark = rest_.find('?'); mark != std::string_view::npos) {
      url.query = rest_.substr(mark + 1);
      rest_ = rest_.substr(0, mark);
    }
    url.path = rest_.empty() ? std::string_view("/") : rest_;
    return status_ == Status::Ok ? std::optional(url) : std::nullopt;
  }

  [[nodiscard]] Status status() const { return status_; }

 private:
  std::string_view keep(std::string_view text) {
    const std::string_view kept = scratch_.arena->copy(text);
    if (kept.data() == nullptr) {
      status_ = Status::OutOfMemory;
    }
    return kept;
  }

  bool scheme(Url* url) {
    const size_t colon = rest_.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon > 32 || !is_alpha(rest_[0])) {
      return false;
    }
    std::array<char, 32> name{};
    for (size_t i = 0; i < colon; i++) {
      const char c = rest_[i];
      if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') {
        return false;
      }
      name[i] = lower(c);
    }
    url->scheme = keep({name.data(), colon});
    rest_.remove_prefix(colon + 1);
    if (!rest_.starts_with("//")) {
      return false;
    }
    rest_.remove_prefix(2);
    return true;
  }

  bool authority(Url* url) {
    std::string_view all = rest_.substr(0, rest_.find_first_of("/?#"));
    rest_.remove_prefix(all.size());
    if (const size_t at = all.rfind('@'); at != std::string_view::npos) {
      url->user = all.substr(0, at);
      if (url->user->find('@') != std::string_view::npos) {
        return false;
      }
      all.remove_prefix(at + 1);
    }
    const size_t bracket = all.rfind(']');
    const size_t colon = all.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon != std::string_view::npos && !port(all.substr(colon + 1), url)) {
      return false;
    }
    return host(all.substr(0, colon), url);
  }

  static bool port(std::string_view text, Url* url) {
    if (text.empty()) {
      return true;  // "http://host:/" has the default one
    }
    uint16_t number = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end != text.data() + text.size()) {
      return false;
    }
    url->port = number;
    return true;
  }

  bool host(std::string_view text, Url* url) {
    if (text.size() > 1 && text.front() == '[') {
      const std::optional<Value> ip =
          text.back() == ']' ? parse_ip(text.substr(1, text.size() - 2)) : std::nullopt;
      if (!ip || ip->scale != 128 || text.find('/') != std::string_view::npos ||
          text.find(':') == std::string_view::npos) {
        return false;
      }
      thread_local std::string canonical;  // keeps its capacity: a warm evaluation allocates nothing
      canonical = "[";
      append_ip(canonical, *ip);
      canonical += ']';
      // An IPv4 address in IPv6 clothes is that address.
      const bool v6 = canonical.find(':') != std::string::npos;
      url->host = keep(v6 ? canonical : std::string_view(canonical).substr(1, canonical.size() - 2));
      return true;
    }
    if (text.ends_with('.')) {
      text.remove_suffix(1);
    }
    if (text.empty() || text.size() > kHostBytesMax || text.front() == '.' ||
        text.find("..") != std::string_view::npos) {
      return false;
    }
    thread_local std::string name;
    name.clear();
    for (const char c : text) {
      // Names in other scripts arrive as punycode; escapes in a host are read in more than one way.
      if (!is_alpha(c) && !is_digit(c) && c != '-' && c != '.' && c != '_') {
        return false;
      }
      name += lower(c);
    }
    if (ends_in_number(name)) {
      const std::optional<uint32_t> address = ipv4_number(name);
      if (!address) {
        return false;
      }
      name.clear();
      for (int shift = 24; shift >= 0; shift -= 8) {
        name += name.empty() ? "" : ".";
        name += std::to_string(*address >> shift & 0xFF);
      }
    }
    url->host = keep(name);
    return true;
  }

  const Scratch& scratch_;
  std::string_view rest_;
  Status status_ = Status::Ok;
};

}  // namespace

std::optional<Url> parse_url(const Scratch& scratch, std::string_view text, Status* status) noexcept {
  Parser parser(scratch, text);
  std::optional<Url> url = parser.run();
  *status = parser.status();
  return url;
}

std::optional<uint16_t> default_port(std::string_view scheme) noexcept {
  constexpr std::pair<std::string_view, uint16_t> kPorts[] = {{"http", 80}, {"https", 443}, {"ws", 80},
                                                              {"wss", 443}, {"ftp", 21},    {"ssh", 22}};
  for (const auto& [name, port] : kPorts) {
    if (name == scheme) {
      return port;
    }
  }
  return std::nullopt;
}

}  // namespace catalyst::value
