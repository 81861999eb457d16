// Host functions of stdlib/json.cata. JSON null is absent here as everywhere.

#include <algorithm>
#include <charconv>
#include <string>

#include "runtime/value/decimal.h"
#include "runtime/value/json_parse.h"
#include "runtime/value/library.h"
#include "runtime/value/ops.h"

namespace catalyst::value::library {
namespace {

/// One reference token of a pointer (RFC 6901): `~1` is a slash, `~0` a tilde. Compares without copying.
bool is_token(std::string_view token, std::string_view name) {
  size_t n = 0;
  for (size_t i = 0; i < token.size(); i++, n++) {
    char c = token[i];
    if (c == '~') {
      c = i + 1 < token.size() && token[i + 1] == '0'   ? '~'
          : i + 1 < token.size() && token[i + 1] == '1' ? '/'
                                                        : '\0';
      i++;
    }
    if (n == name.size() || name[n] != c) {
      return false;
    }
  }
  return n == name.size();
}

const Value* step(const Value& v, std::string_view token) {
  if (v.kind == Kind::Map) {
    const Entry* const end = v.a.entries + v.length;
    const Entry* const found =
        std::find_if(v.a.entries, end, [&](const Entry& entry) { return is_token(token, entry.key); });
    return found == end ? nullptr : &found->value;
  }
  if (v.kind != Kind::List || token.empty() || (token.size() > 1 && token[0] == '0')) {
    return nullptr;
  }
  uint32_t index = 0;
  const auto [end, problem] = std::from_chars(token.data(), token.data() + token.size(), index);
  const bool inside = problem == std::errc() && end == token.data() + token.size() && index < v.length;
  return inside ? &v.a.items[index] : nullptr;
}

/// RFC 7396. What the patch does not mention is shared, not copied. Bounded by the depth of JSON.
Status merge(const Scratch& scratch, const Value& target, const Value& patch, uint32_t depth, Value* out) {
  if (depth > kJsonDepthMax) {
    return Status::TooDeep;
  }
  const Value base = target.kind == Kind::Map ? target : Value::of_map(nullptr, 0);
  if (patch.kind != Kind::Map) {
    return give(out, patch);
  }
  const uint64_t total = uint64_t{base.length} + patch.length;
  if (const Status status = scratch.charge(1 + total + uint64_t{base.length} * patch.length / 8);
      status != Status::Ok) {
    return status;
  }
  Entry* entries = scratch.arena->alloc_array<Entry>(total);
  if (entries == nullptr) {
    return Status::OutOfMemory;
  }
  Entry* end = std::copy(base.a.entries, base.a.entries + base.length, entries);
  for (uint32_t i = 0; i < patch.length; i++) {
    const Entry& change = patch.a.entries[i];
    Entry* const place = std::find_if(entries, end, [&](const Entry& e) { return e.key == change.key; });
    const Value before = place == end ? Value::absent() : place->value;
    Value merged;
    if (const Status status = merge(scratch, before, change.value, depth + 1, &merged);
        status != Status::Ok) {
      return status;
    }
    *place = {change.key, merged};
    end += place == end ? 1 : 0;
  }
  return give(out, Value::of_map(entries, static_cast<uint32_t>(end - entries)));
}

/// Every text at any depth, in order.
Status collect_strings(const Scratch& scratch, const Value& v, uint32_t depth, ListWriter& out) {
  if (depth > kJsonDepthMax) {
    return Status::TooDeep;
  }
  if (const Status status = scratch.charge(1); status != Status::Ok) {
    return status;
  }
  if (v.kind == Kind::String) {
    return out.add(v) ? Status::Ok : Status::OutOfMemory;
  }
  const uint32_t count = v.kind == Kind::List || v.kind == Kind::Map ? v.length : 0;
  for (uint32_t i = 0; i < count; i++) {
    const Value& inner = v.kind == Kind::List ? v.a.items[i] : v.a.entries[i].value;
    if (const Status status = collect_strings(scratch, inner, depth + 1, out); status != Status::Ok) {
      return status;
    }
  }
  return Status::Ok;
}

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::Absent:
    case Kind::Invalid:
      return "null";
    case Kind::Bool:
      return "boolean";
    case Kind::Int:
    case Kind::Decimal:
    case Kind::Float:
      return "number";
    case Kind::String:
    case Kind::Bytes:
    case Kind::Time:
    case Kind::Duration:
    case Kind::Ip:
      return "string";
    case Kind::List:
      return "array";
    case Kind::Map:
      return "object";
  }
  return "null";
}

}  // namespace

Status json_get(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  std::string_view pointer = arguments[1].text();
  const Value* at = &arguments[0];
  if (!pointer.empty() && pointer.front() != '/') {
    return give(out, Value::absent());
  }
  while (!pointer.empty() && at != nullptr) {
    pointer.remove_prefix(1);
    const std::string_view token = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(token.size());
    if (const Status status = scratch.charge(1 + at->length / 8); status != Status::Ok) {
      return status;
    }
    at = step(*at, token);
  }
  return give(out, at == nullptr ? Value::absent() : *at);
}

Status json_parse(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  Status status = Status::Ok;
  *out = parse_json(scratch, arguments[0].text(), &status).value_or(Value::absent());
  return status;
}

Status json_text(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  thread_local std::string text;  // keeps its capacity: a warm evaluation allocates nothing
  text.clear();
  append_json(text, arguments[0]);
  if (const Status status = scratch.charge_scan(text.size()); status != Status::Ok) {
    return status;
  }
  const std::string_view kept = scratch.arena->copy(text);
  return kept.data() == nullptr ? Status::OutOfMemory : give(out, Value::of_string(kept));
}

Status json_merge(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  return merge(scratch, arguments[0], arguments[1], 0, out);
}

Status json_kind(const Scratch&, const Value* arguments, Value* out) noexcept {
  return give(out, Value::of_string(kind_name(arguments[0].kind)));
}

Status json_keys(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  const Value& v = arguments[0];
  const uint32_t count = v.kind == Kind::Map ? v.length : 0;
  Value* items = new_items(scratch, count);
  if (items == nullptr) {
    return Status::OutOfMemory;
  }
  for (uint32_t i = 0; i < count; i++) {
    items[i] = Value::of_string(v.a.entries[i].key);
  }
  return give(out, Value::of_list(items, count));
}

Status json_size(const Scratch&, const Value* arguments, Value* out) noexcept {
  const Value& v = arguments[0];
  return give(out, Value::of_int(v.kind == Kind::Map || v.kind == Kind::List ? v.length : 0));
}

Status json_strings(const Scratch& scratch, const Value* arguments, Value* out) noexcept {
  ListWriter texts(scratch);
  const Status status = collect_strings(scratch, arguments[0], 0, texts);
  return status == Status::Ok ? texts.finish(out) : status;
}

}  // namespace catalyst::value::library
