#include "server/http/path.h"

#include <algorithm>

namespace catalyst::server {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool decode(std::string_view path, std::string& out) {
  for (size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%') {
      if (i + 2 >= path.size()) {
        return false;
      }
      const int high = hex_value(path[i + 1]);
      const int low = hex_value(path[i + 2]);
      if (high < 0 || low < 0) {
        return false;
      }
      c = static_cast<char>(high * 16 + low);
      i += 2;
      if (c == '/' || c == '\\') {
        return false;
      }
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      return false;
    }
    out.push_back(c);
  }
  return true;
}

/// Resolves "." and ".." and collapses slashes in place.
bool resolve_dots(std::string& path) {
  std::string out;
  size_t at = 0;
  while (at < path.size()) {
    const size_t next = std::min(path.find('/', at + 1), path.size());
    const std::string_view segment = std::string_view(path).substr(at + 1, next - at - 1);
    if (segment == "..") {
      if (out.empty()) {
        return false;
      }
      out.resize(out.rfind('/'));
    } else if (segment != "." && !segment.empty()) {
      out.push_back('/');
      out.append(segment);
    }
    at = next;
  }
  path = out.empty() ? "/" : std::move(out);
  return true;
}

}  // namespace

std::optional<std::string_view> normalise_path(std::string_view target, std::string& scratch) {
  if (target.starts_with("http://") || target.starts_with("https://")) {
    const size_t slash = target.find('/', target.find("//") + 2);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  target = target.substr(0, target.find('?'));
  if (target.empty() || target.front() != '/' || target.find('#') != std::string_view::npos) {
    return std::nullopt;
  }
  if (target.find('%') == std::string_view::npos && target.find("//") == std::string_view::npos &&
      target.find("/.") == std::string_view::npos) {
    return target;
  }
  scratch.clear();
  if (!decode(target, scratch) || !resolve_dots(scratch)) {
    return std::nullopt;
  }
  return scratch;
}

}  // namespace catalyst::server
