#include "runtime/decision/convert.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include "runtime/value/decimal.h"
#include "runtime/value/ip.h"
#include "runtime/value/time.h"

namespace catalyst::decision {

namespace {

using abi::Shape;
using value::Kind;
using value::Value;

Value decimal_of(std::string_view text) {
  Value v;
  return value::decimal::parse(text, &v) == value::Status::Ok ? v : Value::invalid();
}

Value integer_of(std::optional<int64_t> x, Kind kind) {
  return x ? Value::of_int(*x, kind) : Value::invalid();
}

Value float_of(std::string_view text) {
  double x = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), x);
  return parsed.ec == std::errc{} ? Value::of_float(x) : Value::invalid();
}

/// An order over scalars, to find repeated set elements; other kinds count as equal to nothing.
bool scalar_less(const Value& a, const Value& b) {
  if (a.kind != b.kind) {
    return a.kind < b.kind;
  }
  if (a.kind == Kind::String) {
    return a.text() < b.text();
  }
  return a.b.high != b.b.high ? a.b.high < b.b.high : a.a.low < b.a.low;
}

bool is_scalar(const Value& v) { return v.kind != Kind::List && v.kind != Kind::Map; }

bool key_less(const value::Entry& a, const value::Entry& b) { return a.key < b.key; }

bool same_key(const value::Entry& a, const value::Entry& b) { return a.key == b.key; }

/// True when two of `entries` share a key. Sorts a copy in the arena: a hostile object must not cost a
/// square.
bool repeats_key(std::span<const value::Entry> entries, Arena& arena) {
  if (entries.size() < 2) {
    return false;
  }
  auto* sorted = arena.alloc_array<value::Entry>(entries.size());
  if (sorted == nullptr) {
    return true;
  }
  value::Entry* const end = std::copy(entries.begin(), entries.end(), sorted);
  std::sort(sorted, end, key_less);
  return std::adjacent_find(sorted, end, same_key) != end;
}

bool has_required(const Shape& record, std::span<const value::Entry> entries) {
  return std::all_of(record.fields.begin(), record.fields.end(), [&](const Shape::Field& field) {
    return field.optional || std::any_of(entries.begin(), entries.end(),
                                         [&](const value::Entry& e) { return e.key == field.name; });
  });
}

/// Removes repeated scalars from `values[base..]`; their order is not kept.
void make_unique(std::vector<Value>& values, size_t base) {
  const auto begin = values.begin() + static_cast<ptrdiff_t>(base);
  if (!std::all_of(begin, values.end(), is_scalar)) {
    return;
  }
  std::sort(begin, values.end(), scalar_less);
  values.erase(
      std::unique(begin, values.end(),
                  [](const Value& a, const Value& b) { return !scalar_less(a, b) && !scalar_less(b, a); }),
      values.end());
}

}  // namespace

Value Converter::unescaped(std::string_view raw) {
  char* buffer = static_cast<char*>(arena_.alloc(raw.size()));
  if (buffer == nullptr) {
    return Value::invalid();
  }
  return Value::of_string({buffer, unescape(raw, buffer)});
}

Value Converter::skip_as_invalid(JsonScanner& in) {
  in.skip();
  return Value::invalid();
}

Value Converter::convert(JsonScanner& in, uint32_t shape) { return convert_any(in, &shapes_[shape]); }

Value Converter::convert_any(JsonScanner& in, const Shape* shape) {
  const char c = in.peek();
  if (c == 'n') {
    return in.literal("null") ? Value::absent() : Value::invalid();
  }
  switch (shape->kind) {
    case Shape::Kind::Bool:
      if (c == 't') {
        return in.literal("true") ? Value::of_bool(true) : Value::invalid();
      }
      if (c == 'f') {
        return in.literal("false") ? Value::of_bool(false) : Value::invalid();
      }
      return skip_as_invalid(in);
    case Shape::Kind::Int:
    case Shape::Kind::Decimal:
    case Shape::Kind::Float:
      return convert_number(in, shape->kind);
    case Shape::Kind::String:
    case Shape::Kind::Enum:
    case Shape::Kind::Bytes:
    case Shape::Kind::Time:
    case Shape::Kind::Duration:
    case Shape::Kind::Ip:
      return c == '"' ? convert_string(in, *shape) : skip_as_invalid(in);
    case Shape::Kind::Json:
      return convert_json(in);
    case Shape::Kind::List:
    case Shape::Kind::Set:
      return c == '[' ? convert_list(in, &shapes_[shape->element], shape->kind == Shape::Kind::Set)
                      : skip_as_invalid(in);
    case Shape::Kind::Record:
    case Shape::Kind::Map:
      return c == '{' ? convert_members(in, *shape) : skip_as_invalid(in);
  }
  return skip_as_invalid(in);
}

Value Converter::convert_string(JsonScanner& in, const Shape& shape) {
  JsonScanner::Text scanned;
  if (!in.string(&scanned)) {
    return Value::invalid();
  }
  const Value v = text(scanned);
  switch (shape.kind) {
    case Shape::Kind::String:
      return v;
    case Shape::Kind::Enum:
      return v.kind == Kind::String &&
                     std::find(shape.members.begin(), shape.members.end(), v.text()) != shape.members.end()
                 ? v
                 : Value::invalid();
    case Shape::Kind::Bytes:
      return v.kind == Kind::String ? Value::of_string(v.text(), Kind::Bytes) : v;
    case Shape::Kind::Time:
      return v.kind == Kind::String ? integer_of(value::parse_time(v.text()), Kind::Time) : v;
    case Shape::Kind::Duration:
      return v.kind == Kind::String ? integer_of(value::parse_duration(v.text()), Kind::Duration) : v;
    case Shape::Kind::Ip:
      return v.kind == Kind::String ? value::parse_ip(v.text()).value_or(Value::invalid()) : v;
    default:
      return Value::invalid();
  }
}

Value Converter::convert_number(JsonScanner& in, Shape::Kind kind) {
  const char c = in.peek();
  if (c != '-' && (c < '0' || c > '9')) {
    return skip_as_invalid(in);
  }
  std::string_view text;
  bool integral = false;
  if (!in.number(&text, &integral)) {
    return Value::invalid();
  }
  if (kind == Shape::Kind::Float) {
    return float_of(text);
  }
  if (kind == Shape::Kind::Decimal) {
    return decimal_of(text);
  }
  if (integral) {
    int64_t x = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), x).ec == std::errc{}) {
      return Value::of_int(x);
    }
  }
  // 3.0 and 1e3 are integers too; for json anything exact stays exact.
  const Value exact = decimal_of(text);
  if (kind == Shape::Kind::Json) {
    return exact.kind == Kind::Decimal ? exact : float_of(text);
  }
  if (exact.kind == Kind::Decimal && exact.scale == 0 && exact.coefficient() >= INT64_MIN &&
      exact.coefficient() <= INT64_MAX) {
    return Value::of_int(static_cast<int64_t>(exact.coefficient()));
  }
  return Value::invalid();
}

Value Converter::convert_list(JsonScanner& in, const Shape* element, bool unique) {
  const size_t base = stack_.size();
  bool valid = true;
  if (!in.enter()) {
    return Value::invalid();
  }
  if (in.peek() == ']') {
    in.leave();
    return Value::of_list(nullptr, 0);
  }
  for (;;) {
    const Value v = element == nullptr ? convert_json(in) : convert_any(in, element);
    if (in.failed()) {
      stack_.resize(base);
      return Value::invalid();
    }
    // A null is no element of a typed list; in json it stays, so that indexes count as the sender counts.
    valid = valid && v.kind != Kind::Invalid && (v.kind != Kind::Absent || element == nullptr);
    stack_.push_back(v);
    if (in.peek() == ']') {
      in.leave();
      break;
    }
    if (!in.take(',')) {
      stack_.resize(base);
      return Value::invalid();
    }
  }
  if (unique && valid) {
    make_unique(stack_, base);
  }
  const size_t count = stack_.size() - base;
  Value* items = valid ? arena_.alloc_array<Value>(count) : nullptr;
  if (items != nullptr) {
    std::copy(stack_.begin() + static_cast<ptrdiff_t>(base), stack_.end(), items);
  }
  stack_.resize(base);
  return items == nullptr ? Value::invalid() : Value::of_list(items, static_cast<uint32_t>(count));
}

Value Converter::convert_members(JsonScanner& in, const Shape& shape) {
  const bool record = shape.kind == Shape::Kind::Record;
  const size_t base = entries_.size();
  bool valid = true;
  if (!in.enter()) {
    return Value::invalid();
  }
  bool more = in.peek() != '}';
  while (more) {
    JsonScanner::Text scanned;
    if (in.peek() != '"' || !in.string(&scanned) || !in.take(':')) {
      in.fail();
      break;
    }
    const Value key = text(scanned);
    valid = valid && key.kind == Kind::String;
    const Shape* member = nullptr;
    bool known = true;
    if (record) {
      const auto field = std::find_if(shape.fields.begin(), shape.fields.end(), [&](const Shape::Field& f) {
        return key.kind == Kind::String && f.name == key.text();
      });
      known = field != shape.fields.end();
      member = known ? &shapes_[field->shape] : nullptr;
    } else if (shape.kind == Shape::Kind::Map) {
      member = &shapes_[shape.element];
    }
    if (!known) {
      in.skip();
    } else {
      const Value v = member == nullptr ? convert_json(in) : convert_any(in, member);
      valid = valid && v.kind != Kind::Invalid;
      entries_.push_back(value::Entry{valid ? key.text() : std::string_view{}, v});
    }
    if (in.failed()) {
      break;
    }
    more = in.peek() != '}';
    if (more && !in.take(',')) {
      break;
    }
    more = more && (in.peek() == '"' || in.fail());
  }
  if (in.failed()) {
    entries_.resize(base);
    return Value::invalid();
  }
  in.leave();
  valid = valid && !repeats_key(std::span(entries_).subspan(base), arena_);
  entries_.erase(std::remove_if(entries_.begin() + static_cast<ptrdiff_t>(base), entries_.end(),
                                [](const value::Entry& e) { return e.value.kind == Kind::Absent; }),
                 entries_.end());
  if (record && valid) {
    valid = has_required(shape, std::span(entries_).subspan(base));
  }
  const size_t count = entries_.size() - base;
  auto* entries = valid ? arena_.alloc_array<value::Entry>(count) : nullptr;
  if (entries != nullptr) {
    std::copy(entries_.begin() + static_cast<ptrdiff_t>(base), entries_.end(), entries);
  }
  entries_.resize(base);
  return entries == nullptr ? Value::invalid() : Value::of_map(entries, static_cast<uint32_t>(count));
}

Value Converter::convert_json(JsonScanner& in) {
  static const Shape kText{.kind = Shape::Kind::String, .element = 0, .members = {}, .fields = {}};
  static const Shape kJson{};
  switch (in.peek()) {
    case 'n':
      return in.literal("null") ? Value::absent() : Value::invalid();
    case 't':
      return in.literal("true") ? Value::of_bool(true) : Value::invalid();
    case 'f':
      return in.literal("false") ? Value::of_bool(false) : Value::invalid();
    case '"':
      return convert_string(in, kText);
    case '[':
      return convert_list(in, nullptr, false);
    case '{':
      return convert_members(in, kJson);
    default:
      return convert_number(in, Shape::Kind::Json);
  }
}

}  // namespace catalyst::decision
