#include "runtime/value/json_parse.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "runtime/value/decimal.h"
#include "runtime/value/json_text.h"
#include "runtime/value/library.h"
#include "runtime/value/utf8.h"

namespace catalyst::value {
namespace {

class Parser {
 public:
  Parser(const Scratch& scratch, std::string_view text) : scratch_(scratch), rest_(text) {}

  std::optional<Value> run() {
    Value out;
    const bool read = value(0, &out);
    blanks();
    return read && rest_.empty() && status_ == Status::Ok ? std::optional(out) : std::nullopt;
  }
  [[nodiscard]] Status status() const { return status_; }

 private:
  bool stop(Status status) {
    status_ = status_ == Status::Ok ? status : status_;
    return false;
  }
  void blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }
  bool take(std::string_view text) {
    blanks();
    const bool there = rest_.starts_with(text);
    rest_.remove_prefix(there ? text.size() : 0);
    return there;
  }

  /// Recursion is bounded by kJsonDepthMax.
  bool value(uint32_t depth, Value* out) {
    if (depth > kJsonDepthMax) {
      return false;
    }
    if (const Status status = scratch_.charge(1); status != Status::Ok) {
      return stop(status);
    }
    blanks();
    if (rest_.empty()) {
      return false;
    }
    switch (rest_.front()) {
      case '{':
        return object(depth, out);
      case '[':
        return array(depth, out);
      case '"': {
        std::string_view text;
        const bool read = string(&text);
        *out = Value::of_string(text);
        return read;
      }
      case 't':
        *out = Value::of_bool(true);
        return take("true");
      case 'f':
        *out = Value::of_bool(false);
        return take("false");
      case 'n':
        *out = Value::absent();
        return take("null");
      default:
        return number(out);
    }
  }

  bool number(Value* out) {
    const std::string_view text = rest_.substr(0, rest_.find_first_not_of("0123456789+-.eE"));
    const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
    // What decimals take and JSON does not: zeros in front, and a point without digits on both sides.
    const bool zero_first = digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9';
    const size_t point = digits.find('.');
    const auto is_digit = [&](size_t i) { return i < digits.size() && digits[i] >= '0' && digits[i] <= '9'; };
    if (!is_digit(0) || zero_first || (point != std::string_view::npos && !is_digit(point + 1))) {
      return false;
    }
    rest_.remove_prefix(text.size());
    const char* const end = text.data() + text.size();
    int64_t whole = 0;
    if (const auto [at, problem] = std::from_chars(text.data(), end, whole);
        problem == std::errc() && at == end) {
      *out = Value::of_int(whole);
      return true;
    }
    const Status exact = decimal::parse(text, out);
    if (exact != Status::Overflow) {
      return exact == Status::Ok;
    }
    double real = 0;
    const auto [at, problem] = std::from_chars(text.data(), end, real);
    *out = Value::of_float(real);
    return problem == std::errc() && at == end;
  }

  bool string(std::string_view* out) {
    rest_.remove_prefix(1);
    size_t end = 0;
    while (end < rest_.size() && rest_[end] != '"') {
      if (static_cast<unsigned char>(rest_[end]) < 0x20) {
        return false;
      }
      end += rest_[end] == '\\' ? 2 : 1;
    }
    if (end >= rest_.size()) {
      return false;
    }
    const std::string_view raw = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    if (const Status status = scratch_.charge_scan(raw.size()); status != Status::Ok) {
      return stop(status);
    }
    if (!is_utf8(raw)) {
      return false;
    }
    *out = raw;
    if (is_plain_json(raw)) {
      return true;
    }
    const std::optional<std::string> text = unescape_json(raw);
    if (!text) {
      return false;
    }
    *out = scratch_.arena->copy(*text);
    return out->data() != nullptr || stop(Status::OutOfMemory);
  }

  bool array(uint32_t depth, Value* out) {
    rest_.remove_prefix(1);
    library::ListWriter items(scratch_);
    if (!take("]")) {
      do {
        Value item;
        if (!value(depth + 1, &item)) {
          return false;
        }
        if (!items.add(item)) {
          return stop(Status::OutOfMemory);
        }
      } while (take(","));
      if (!take("]")) {
        return false;
      }
    }
    items.finish(out);
    return true;
  }

  bool object(uint32_t depth, Value* out) {
    rest_.remove_prefix(1);
    library::ListWriter flat(scratch_);  // name, value, name, value
    if (!take("}")) {
      do {
        blanks();
        std::string_view name;
        Value item;
        if (!rest_.starts_with('"') || !string(&name) || !take(":") || !value(depth + 1, &item)) {
          return false;
        }
        if (!flat.add(name) || !flat.add(item)) {
          return stop(Status::OutOfMemory);
        }
      } while (take(","));
      if (!take("}")) {
        return false;
      }
    }
    return members(flat, out);
  }

  bool members(const library::ListWriter& flat, Value* out) {
    Value all;
    flat.finish(&all);
    const uint32_t count = all.length / 2;
    Entry* entries = scratch_.arena->alloc_array<Entry>(count);
    std::string_view* names = scratch_.arena->alloc_array<std::string_view>(count);
    if (entries == nullptr || names == nullptr) {
      return stop(Status::OutOfMemory);
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
      names[i] = all.a.items[2 * i].text();
      if (!all.a.items[2 * i + 1].is_absent()) {
        entries[used++] = {names[i], all.a.items[2 * i + 1]};
      }
    }
    std::sort(names, names + count);
    *out = Value::of_map(entries, used);
    return std::adjacent_find(names, names + count) == names + count;
  }

  const Scratch& scratch_;
  std::string_view rest_;
  Status status_ = Status::Ok;
};

}  // namespace

std::optional<Value> parse_json(const Scratch& scratch, std::string_view text, Status* status) noexcept {
  Parser parser(scratch, text);
  std::optional<Value> out = parser.run();
  *status = parser.status();
  return out;
}

}  // namespace catalyst::value
