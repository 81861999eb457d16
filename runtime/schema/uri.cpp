#include "runtime/schema/uri.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace catalyst::schema {
namespace {

struct Uri {
  std::string scheme;     // with ":"
  std::string authority;  // with "//"
  std::string path;
  std::string query;     // with "?"
  std::string fragment;  // with "#"
};

Uri split(std::string_view text) {
  Uri out;
  if (const size_t hash = text.find('#'); hash != std::string_view::npos) {
    out.fragment = text.substr(hash);
    text = text.substr(0, hash);
  }
  if (const size_t mark = text.find('?'); mark != std::string_view::npos) {
    out.query = text.substr(mark);
    text = text.substr(0, mark);
  }
  const size_t colon = text.find(':');
  const bool scheme =
      colon != std::string_view::npos && colon > 0 &&
      std::isalpha(static_cast<unsigned char>(text.front())) != 0 &&
      std::all_of(text.begin(), text.begin() + static_cast<ptrdiff_t>(colon),
                  [](unsigned char c) { return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.'; });
  if (scheme) {
    out.scheme = text.substr(0, colon + 1);
    text.remove_prefix(colon + 1);
  }
  if (text.starts_with("//")) {
    const size_t slash = std::min(text.find('/', 2), text.size());
    out.authority = text.substr(0, slash);
    text.remove_prefix(slash);
  }
  out.path = text;
  return out;
}

/// RFC 3986 section 5.2.4.
std::string remove_dots(std::string_view path) {
  const bool absolute = path.starts_with('/');
  path.remove_prefix(absolute ? 1 : 0);
  std::vector<std::string_view> parts;
  for (bool last = false; !last;) {
    const size_t slash = path.find('/');
    last = slash == std::string_view::npos;
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(last ? path.size() : slash + 1);
    if (part == ".." && !parts.empty()) {
      parts.pop_back();
    }
    if (part != "." && part != "..") {
      parts.push_back(part);
    } else if (last) {
      parts.push_back("");
    }
  }
  std::string out;
  for (const std::string_view part : parts) {
    out += out.empty() && !absolute ? "" : "/";
    out += part;
  }
  return out;
}

int hex(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 32);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::string resolve_uri(std::string_view base_text, std::string_view reference_text) {
  const Uri reference = split(reference_text);
  if (!reference.scheme.empty()) {
    return std::string(reference_text);
  }
  const Uri base = split(base_text);
  std::string out = base.scheme;
  if (!reference.authority.empty()) {
    return out + reference.authority + remove_dots(reference.path) + reference.query + reference.fragment;
  }
  out += base.authority;
  if (reference.path.empty()) {
    return out + base.path + (reference.query.empty() ? base.query : reference.query) + reference.fragment;
  }
  if (reference.path.front() == '/') {
    out += remove_dots(reference.path);
  } else {
    const size_t slash = base.path.rfind('/');
    const std::string folder =
        slash == std::string::npos ? (base.authority.empty() ? "" : "/") : base.path.substr(0, slash + 1);
    out += remove_dots(folder + reference.path);
  }
  return out + reference.query + reference.fragment;
}

std::string without_fragment(std::string uri) {
  uri.resize(std::min(uri.find('#'), uri.size()));
  return uri;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) {
      return std::nullopt;
    }
    out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
    i += 2;
  }
  return out;
}

std::string escape_pointer(std::string_view token) {
  std::string out;
  for (const char c : token) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string unescape_pointer(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      out += token[++i] == '0' ? '~' : '/';
    } else {
      out += token[i];
    }
  }
  return out;
}

std::string to_re2(std::string_view pattern) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '\\' || i + 1 >= pattern.size()) {
      out += pattern[i];
      continue;
    }
    const char next = pattern[i + 1];
    if (next == 'u' && i + 5 < pattern.size() && hex(pattern[i + 2]) >= 0 && hex(pattern[i + 3]) >= 0 &&
        hex(pattern[i + 4]) >= 0 && hex(pattern[i + 5]) >= 0) {
      out += "\\x{" + std::string(pattern.substr(i + 2, 4)) + "}";
      i += 5;
    } else if (next == 'c' && i + 2 < pattern.size() &&
               std::isalpha(static_cast<unsigned char>(pattern[i + 2])) != 0) {
      static constexpr char kDigits[] = "0123456789abcdef";
      const int control = pattern[i + 2] & 31;
      out += std::string("\\x") + kDigits[control >> 4] + kDigits[control & 15];
      i += 2;
    } else {
      out += pattern[i];
      out += next;
      ++i;
    }
  }
  return out;
}

}  // namespace catalyst::schema
