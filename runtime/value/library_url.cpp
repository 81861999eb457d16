// Host functions of stdlib/url.cata. What is no URL has no parts: every answer is absent then.

#include <algorithm>
#include <optional>

#include "runtime/value/library.h"
#include "runtime/value/url.h"
#include "runtime/value/utf8.h"

namespace catalyst::value::library {
namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";

int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

/// The byte of the escape at `text[i]`, or -1.
int escaped(std::string_view text, size_t i) {
  if (text[i] != '%' || i + 2 >= text.size()) {
    return -1;
  }
  const int high = hex_digit(text[i + 1]);
  const int low = hex_digit(text[i + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/// One part of the URL in `arguments[0]`.
template <class Part>
Status part(const Scratch& scratch, const Value* arguments, Part get, Value* out) {
  Status status = Status::Ok;
  const std::optional<Url> url = parse_url(scratch, arguments[0].text(), &status);
  return status != Status::Ok ? status : give(out, url ? get(*url) : Value::absent());
}

Value text_or_absent(const std::optional<std::string_view>& text) {
  return text ? Value::of_string(*text) : Value::absent();
}

/// Escapes resolved; absent when one is malformed or the result is not UTF-8. `form`: `+` is a blank.
Status decoded(const Scratch& scratch, std::string_view text, bool form, Value* out) {
  TextWriter writer(scratch, text.size());
  if (writer.status() != Status::Ok) {
    return writer.status();
  }
  for (size_t i = 0; i < text.size(); i++) {
    const int byte = escaped(text, i);
    if (text[i] == '%' && byte < 0) {
      return give(out, Value::absent());
    }
    writer.add(byte >= 0 ? static_cast<char>(byte) : form && text[i] == '+' ? ' ' : text[i]);
    i += byte >= 0 ? 2 : 0;
  }
  return is_utf8(writer.text()) ? writer.finish(out) : give(out, Value::absent());
}

/// RFC 3986 section 6.2.2: escapes of characters that need none are resolved, the others are upper case.
void add_normal(TextWriter& out, std::string_view text) {
  for (size_t i = 0; i < text.size(); i++) {
    const int byte = escaped(text, i);
    if (byte < 0) {
      out.add(text[i]);
      continue;
    }
    if (is_unreserved(static_cast<char>(byte))) {
      out.add(static_cast<char>(byte));
    } else {
      out.add('%');
      out.add(kHex[static_cast<size_t>(byte) >> 4]);
      out.add(kHex[static_cast<size_t>(byte) & 15]);
    }
    i += 2;
  }
}

/// Section 5.2.4, on a path whose escapes are normal: `.` and `..` are followed. Shortens in place.
std::string_view without_dots(char* path, size_t size) {
  size_t kept = 0;
  size_t at = 0;
  while (at < size) {
    size_t end = at + 1;
    while (end < size && path[end] != '/') {
      end++;
    }
    const std::string_view segment(path + at + 1, end - at - 1);  // behind its slash
    const bool last = end == size;
    if (segment == "." || segment == "..") {
      while (segment == ".." && kept > 0 && path[--kept] != '/') {
      }
      if (last) {
        path[kept++] = '/';
      }
    } else {
      std::copy(path + at, path + end, path + kept);
      kept += end - at;
    }
    at = end;
  }
  return {path, kept};
}

Status normal(const Scratch& scratch, const Url& url, size_t size, Value* out) {
  TextWriter path(scratch, url.path.size());
  TextWriter all(scratch, size + 16);  // a host can grow: 0x7f000001 becomes 127.0.0.1
  if (path.status() != Status::Ok || all.status() != Status::Ok) {
    return path.status() != Status::Ok ? path.status() : all.status();
  }
  add_normal(path, url.path);
  all.add(url.scheme);
  all.add("://");
  if (url.user) {
    add_normal(all, *url.user);
    all.add('@');
  }
  all.add(url.host);
  if (url.port && url.port != default_port(url.scheme)) {
    char digits[8];
    size_t n = sizeof digits;
    for (unsigned x = *url.port; n == sizeof digits || x > 0; x /= 10) {
      digits[--n] = static_cast<char>('0' + x % 10);
    }
    all.add(':');
    all.add({digits + n, sizeof digits - n});
  }
  all.add(without_dots(const_cast<char*>(path.text().data()), path.text().size()));
  if (url.query) {
    all.add('?');
    add_normal(all, *url.query);
  }
  if (url.fragment) {
    all.add('#');
    add_normal(all, *url.fragment);
  }
  return all.finish(out);
}

}  // namespace

Status url_scheme(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return part(scratch, arguments, [](const Url& url) { return Value::of_string(url.scheme); }, out);
}

Status url_host(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return part(scratch, arguments, [](const Url& url) { return Value::of_string(url.host); }, out);
}

Status url_port(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const auto get = [](const Url& url) {
    const std::optional<uint16_t> port = url.port ? url.port : default_port(url.scheme);
    return port ? Value::of_int(*port) : Value::absent();
  };
  return part(scratch, arguments, get, out);
}

Status url_path(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return part(scratch, arguments, [](const Url& url) { return Value::of_string(url.path); }, out);
}

Status url_query(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return part(scratch, arguments, [](const Url& url) { return text_or_absent(url.query); }, out);
}

Status url_user(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return part(scratch, arguments, [](const Url& url) { return text_or_absent(url.user); }, out);
}

Status url_fragment(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return part(scratch, arguments, [](const Url& url) { return text_or_absent(url.fragment); }, out);
}

Status url_parameter(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  Status status = Status::Ok;
  const std::optional<Url> url = parse_url(scratch, arguments[0].text(), &status);
  if (status != Status::Ok || !url || !url->query) {
    *out = Value::absent();
    return status;
  }
  std::string_view rest = *url->query;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    Value name;
    status = decoded(scratch, pair.substr(0, equals), true, &name);
    if (status != Status::Ok) {
      return status;
    }
    if (!name.is_absent() && name.text() == arguments[1].text()) {
      return decoded(scratch,
                     equals == std::string_view::npos ? std::string_view("") : pair.substr(equals + 1), true,
                     out);
    }
  }
  return give(out, Value::absent());
}

Status url_normal(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  Status status = Status::Ok;
  const std::optional<Url> url = parse_url(scratch, arguments[0].text(), &status);
  if (status != Status::Ok || !url) {
    *out = Value::absent();
    return status;
  }
  return normal(scratch, *url, arguments[0].length, out);
}

Status url_encode(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const std::string_view text = arguments[0].text();
  TextWriter writer(scratch, text.size() * 3);
  if (writer.status() != Status::Ok) {
    return writer.status();
  }
  for (const char c : text) {
    if (is_unreserved(c)) {
      writer.add(c);
    } else {
      const auto byte = static_cast<uint8_t>(c);
      writer.add('%');
      writer.add(kHex[byte >> 4]);
      writer.add(kHex[byte & 15]);
    }
  }
  return writer.finish(out);
}

Status url_decode(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return decoded(scratch, arguments[0].text(), false, out);
}

}  // namespace catalyst::value::library
