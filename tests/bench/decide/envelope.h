#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "runtime/decision/request.h"
#include "runtime/decision/scan.h"
#include "tests/bench/decide/closing.h"
#include "tests/bench/decide/record.h"

namespace catalyst::bench {

inline constexpr int64_t kMicros = 1'000'000;

/// Reads what is around the arguments of a request of the workload.
class Envelope {
 public:
  /// `roles` has room for Record::kListMax. 64 bytes behind `json` can be read, as the specialised program's
  /// parser wants it, too.
  static bool read(std::string_view json, decision::Principal& principal, decision::Request& request,
                   std::string_view* roles) {
    decision::JsonScanner in(json, kDepth);
    std::string_view tool;
    const bool ok = each_member(in, [&](std::string_view key) {
      if (is(key, "principal")) {
        return each_member(in, [&](std::string_view name) {
          return is(name, "id")       ? read_text(in, principal.id)
                 : is(name, "tenant") ? read_text(in, principal.tenant)
                                      : read_roles(in, principal, roles);
        });
      }
      if (is(key, "tool")) {
        return read_text(in, tool);
      }
      if (is(key, "server")) {
        return read_text(in, request.server);
      }
      if (is(key, "args")) {
        return read_args(in, json.data() + json.size(), request.args);
      }
      if (is(key, "time")) {
        const bool read = read_number(in, request.now_us);
        request.now_us *= kMicros;
        return read;
      }
      return read_number(in, principal.risk);
    });
    request.tool = tool.substr(request.server.size() + 1);
    return ok;
  }

 private:
  static constexpr uint32_t kDepth = 64;

  /// Whoever reads a few members by name compares them in line.
  template <size_t N>
  [[gnu::always_inline]] static bool is(std::string_view key, const char (&name)[N]) {
    return key.size() == N - 1 && std::memcmp(key.data(), name, N - 1) == 0;
  }

  template <class Member>
  [[gnu::always_inline]] static bool each_member(decision::JsonScanner& in, Member member) {
    if (in.peek() != '{' || !in.enter()) {
      return false;
    }
    for (;;) {
      decision::JsonScanner::Text key;
      if (in.peek() != '"' || !in.string(&key) || !in.take(':') || !member(key.raw)) {
        return false;
      }
      const char next = in.peek();
      if (next == '}') {
        in.leave();
        return true;
      }
      if (next != ',') {
        return false;
      }
      in.take_peeked();
    }
  }

  [[gnu::always_inline]] static bool read_text(decision::JsonScanner& in, std::string_view& out) {
    decision::JsonScanner::Text text;
    if (in.peek() != '"' || !in.string(&text)) {
      return false;
    }
    out = text.raw;
    return true;
  }

  /// No number of the workload is longer, negative or broken.
  [[gnu::always_inline]] static bool read_number(decision::JsonScanner& in, int64_t& out) {
    in.peek();
    return in.short_integer(&out) || read_last_number(in, out);
  }

  /// Too near to the end of the text to be read in one go.
  static bool read_last_number(decision::JsonScanner& in, int64_t& out) {
    decision::JsonScanner copy = in;
    std::string_view text;
    bool integral = false;
    if (!copy.number(&text, &integral)) {
      return false;
    }
    out = 0;
    for (const char c : text) {
      out = out * 10 + (c - '0');
    }
    in = copy;
    return true;
  }

  [[gnu::always_inline]] static bool read_roles(decision::JsonScanner& in, decision::Principal& principal,
                                                std::string_view* roles) {
    if (in.peek() != '[' || !in.enter()) {
      return false;
    }
    size_t count = 0;
    while (in.peek() == '"' && count < Record::kListMax && read_text(in, roles[count])) {
      ++count;
      if (in.peek() == ',') {
        in.take_peeked();
      }
    }
    in.leave();
    principal.roles = {roles, count};
    return !in.failed();
  }

  [[gnu::always_inline]] static bool read_args(decision::JsonScanner& in, const char* end,
                                               std::string_view& args) {
    if (in.peek() != '{') {
      return false;
    }
    const char* const begin = in.position();
    if (const char* const behind = find_closing(begin, end); behind != nullptr) [[likely]] {
      in = decision::JsonScanner({behind, static_cast<size_t>(end - behind)}, kDepth);
    } else {
      decision::JsonScanner copy = in;
      copy.skip();
      in = copy;
    }
    args = {begin, static_cast<size_t>(in.position() - begin)};
    return !in.failed();
  }
};

}  // namespace catalyst::bench
