#include "compiler/pack/wire.h"

#include <bit>
#include <utility>

#include "compiler/pack/describe.h"
#include "compiler/pack/known.h"

namespace catalyst::pack {

using types::TypeKind;
using value::Entry;
using value::Kind;
using value::Value;

namespace {

constexpr uint32_t kBuiltinTypes = types::TypeTable::kJson.index + 1;

}  // namespace

void Writer::number(uint64_t x) {
  for (; x >= 0x80; x >>= 7) {
    out_.push_back(static_cast<char>(x | 0x80));
  }
  out_.push_back(static_cast<char>(x));
}

void Writer::text(std::string_view x) {
  number(x.size());
  raw(x);
}

/// The built-in types are everywhere the same and left out.
void Writer::type_table(const types::TypeTable& table) {
  number(table.size() - kBuiltinTypes);
  for (uint32_t i = kBuiltinTypes; i < table.size(); i++) {
    put(table.get(types::TypeId(i)));
  }
}

void Writer::literal(const Value& v) {
  put(v.kind);
  switch (v.kind) {
    case Kind::Absent:
    case Kind::Invalid:
      return;
    case Kind::Bool:
    case Kind::Int:
    case Kind::Time:
    case Kind::Duration:
      put(v.a.integer);
      return;
    case Kind::Float:
      put(std::bit_cast<uint64_t>(v.a.real));
      return;
    case Kind::Decimal:
    case Kind::Ip:
      put(v.scale);
      put(v.a.low);
      put(v.b.high);
      return;
    case Kind::String:
    case Kind::Bytes:
      text(v.text());
      return;
    case Kind::List:
      number(v.length);
      for (uint32_t i = 0; i < v.length; i++) {
        literal(v.a.items[i]);
      }
      return;
    case Kind::Map:
      number(v.length);
      for (uint32_t i = 0; i < v.length; i++) {
        text(v.a.entries[i].key);
        literal(v.a.entries[i].value);
      }
      return;
  }
}

void Reader::fail(std::string problem) {
  if (problem_.empty()) {
    problem_ = std::move(problem);
    rest_ = {};
  }
}

uint64_t Reader::number(uint64_t max) {
  uint64_t x = 0;
  for (unsigned shift = 0; !rest_.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    const uint64_t bits = byte & 0x7F;
    if (shift > 63 || (shift == 63 && bits > 1) || (shift > 0 && byte == 0)) {
      fail("a number that is not in its shortest form");
      return 0;
    }
    x |= bits << shift;
    if (byte < 0x80) {
      if (x > max) {
        fail("a number beyond its range");
        return 0;
      }
      return x;
    }
  }
  fail("it ends inside a number");
  return 0;
}

std::string_view Reader::text() {
  const uint64_t size = number(UINT32_MAX);
  if (size > rest_.size() || !charge(size, 1)) {
    fail("a text longer than the rest");
    return {};
  }
  const std::string_view out = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return out;
}

void Reader::raw(void* out, size_t bytes) {
  if (bytes > rest_.size()) {
    fail("it ends too early");
    return;
  }
  rest_.copy(static_cast<char*>(out), bytes);
  rest_.remove_prefix(bytes);
}

bool Reader::charge(uint64_t count, size_t bytes) {
  if (count > rest_.size()) {
    fail("a list longer than the rest");
    return false;
  }
  if (count * bytes > memory_left_) {
    fail("more memory than the limit");
    return false;
  }
  memory_left_ -= count * bytes;
  return true;
}

/// Types are made again by the table's own functions, so that equal types have one id whoever wrote the pack;
/// each uses types before it alone.
void Reader::type_table(types::TypeTable& table) {
  const uint64_t count = number(UINT32_MAX);
  if (!charge(count, sizeof(types::Type) + sizeof(uint32_t))) {
    return;
  }
  std::vector<uint32_t> nesting(kBuiltinTypes, 1);
  for (uint64_t i = 0; i < count && ok(); i++) {
    types::Type type;
    get(type);
    uint32_t inner = 0;
    const auto use = [&](types::TypeId id) {
      if (id.index >= table.size() || id == types::TypeTable::kError) {
        fail("a type that uses one behind it");
      } else {
        inner = std::max(inner, nesting[id.index]);
      }
    };
    if (type.element.valid()) {
      use(type.element);
    }
    for (const types::Field& field : type.fields) {
      use(field.type);
    }
    nesting.push_back(inner + 1);
    const size_t expected = table.size();
    if (ok() && (inner >= kTypeNestingMax || intern(table, std::move(type)).index != expected)) {
      fail("a type that nests too deep, or stands twice");
    }
  }
}

types::TypeId Reader::intern(types::TypeTable& table, types::Type type) {
  const bool has_element = type.element.valid();
  switch (type.kind) {
    case TypeKind::List:
      return has_element ? table.list_of(type.element) : types::TypeId();
    case TypeKind::Set:
      return has_element ? table.set_of(type.element) : types::TypeId();
    case TypeKind::Map:
      return has_element ? table.map_of(type.element) : types::TypeId();
    case TypeKind::Optional:
      return has_element ? table.optional_of(type.element) : types::TypeId();
    case TypeKind::Enum:
      return table.enum_type(std::move(type.name), std::move(type.members), type.anonymous);
    case TypeKind::Record:
      return table.record_type(std::move(type.name), std::move(type.fields), type.anonymous);
    case TypeKind::Error:
    case TypeKind::Bool:
    case TypeKind::Int:
    case TypeKind::Decimal:
    case TypeKind::Float:
    case TypeKind::String:
    case TypeKind::Bytes:
    case TypeKind::Time:
    case TypeKind::Duration:
    case TypeKind::Ip:
    case TypeKind::Json:
      return {};
  }
  return {};
}

template <class T>
T* Reader::room(uint64_t count) {
  T* out = charge(count, sizeof(T)) && arena_ != nullptr ? arena_->alloc_array<T>(count) : nullptr;
  if (out == nullptr) {
    fail("more constants than the limit");
  }
  return out;
}

std::string_view Reader::kept_text() {
  const std::string_view read = text();
  const std::string_view kept = arena_ == nullptr ? std::string_view() : arena_->copy(read);
  if (kept.size() != read.size()) {
    fail("more constants than the limit");
  }
  return kept;
}

void Reader::literal(Value& v, int nesting) {
  if (nesting > kValueNestingMax) {
    fail("a constant nested too deep");
    return;
  }
  Kind kind = Kind::Absent;
  get(kind);
  switch (kind) {
    case Kind::Absent:
    case Kind::Invalid:
      return;
    case Kind::Bool:
    case Kind::Int:
    case Kind::Time:
    case Kind::Duration:
      v.kind = kind;
      get(v.a.integer);
      return;
    case Kind::Float: {
      uint64_t bits = 0;
      get(bits);
      v = Value::of_float(std::bit_cast<double>(bits));
      return;
    }
    case Kind::Decimal:
    case Kind::Ip:
      v.kind = kind;
      get(v.scale);
      get(v.a.low);
      get(v.b.high);
      return;
    case Kind::String:
    case Kind::Bytes:
      v = Value::of_string(kept_text(), kind);
      return;
    case Kind::List: {
      const uint64_t count = number(UINT32_MAX);
      Value* items = room<Value>(count);
      for (uint64_t i = 0; i < count && ok(); i++) {
        items[i] = Value();
        literal(items[i], nesting + 1);
      }
      v = ok() ? Value::of_list(items, static_cast<uint32_t>(count)) : Value();
      return;
    }
    case Kind::Map: {
      const uint64_t count = number(UINT32_MAX);
      Entry* entries = room<Entry>(count);
      for (uint64_t i = 0; i < count && ok(); i++) {
        entries[i] = {kept_text(), Value()};
        literal(entries[i].value, nesting + 1);
      }
      v = ok() ? Value::of_map(entries, static_cast<uint32_t>(count)) : Value();
      return;
    }
  }
}

}  // namespace catalyst::pack
