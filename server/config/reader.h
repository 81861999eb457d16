#pragma once

// Internal to server/config: typed values out of a validated tree.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/config.h"

namespace catalyst::server {

/// The default that key.def gives; the key must stand there.
std::string_view fallback_of(std::string_view table_path);

/// Whether secrets may go there, and what decides who may ask may come from there: https, or loopback.
bool is_safe_address(const std::string& text);

/// Reads validated values below one map; a key that is absent or null gives the table's default.
class Reader {
 public:
  /// `prefix` is where `tree` stands in the table: "" or "servers.*." or "auth.tokens[].".
  Reader(const Tree* tree, std::string prefix) : tree_(tree), prefix_(std::move(prefix)) {}

  [[nodiscard]] const Tree* find(std::string_view path) const {
    const Tree* at = tree_;
    while (at != nullptr) {
      const size_t dot = path.find('.');
      at = at->find(path.substr(0, dot));
      if (dot == std::string_view::npos) {
        return at != nullptr && at->kind != Tree::Kind::Null ? at : nullptr;
      }
      path.remove_prefix(dot + 1);
    }
    return nullptr;
  }

  [[nodiscard]] std::string text(std::string_view path) const {
    const Tree* at = find(path);
    return at != nullptr && at->kind == Tree::Kind::Scalar
               ? at->text
               : std::string(fallback_of(prefix_ + std::string(path)));
  }
  [[nodiscard]] bool flag(std::string_view path) const { return text(path) == "true"; }
  [[nodiscard]] int64_t count(std::string_view path) const { return number(path, parse_count); }
  [[nodiscard]] int64_t bytes(std::string_view path) const { return number(path, parse_bytes); }
  [[nodiscard]] int64_t duration(std::string_view path) const { return number(path, parse_duration_ms); }

  [[nodiscard]] std::vector<std::string> texts(std::string_view path) const {
    std::vector<std::string> out;
    if (const Tree* at = find(path)) {
      if (at->kind == Tree::Kind::Scalar) {
        out.push_back(at->text);
      }
      for (const Tree& item : at->items) {
        out.push_back(item.text);
      }
    }
    return out;
  }
  [[nodiscard]] TextMap pairs(std::string_view path) const {
    TextMap out;
    if (const Tree* at = find(path)) {
      for (const Tree::Member& member : at->members) {
        out.emplace_back(member.key, member.value.text);
      }
    }
    return out;
  }

 private:
  static Result<int64_t> parse_count(std::string_view text) {
    return std::strtoll(std::string(text).c_str(), nullptr, 10);
  }

  /// What does not parse was reported by the validator; the default keeps the rest of the check going.
  [[nodiscard]] int64_t number(std::string_view path, Result<int64_t> (*parse)(std::string_view)) const {
    const Result<int64_t> value = parse(text(path));
    return value.has_value() ? *value : *parse(fallback_of(prefix_ + std::string(path)));
  }

  const Tree* tree_;
  std::string prefix_;
};

}  // namespace catalyst::server
