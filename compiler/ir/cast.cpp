#include "compiler/ir/cast.h"

#include <algorithm>
#include <optional>

#include "runtime/value/decimal.h"
#include "runtime/value/ip.h"
#include "runtime/value/ops.h"
#include "runtime/value/time.h"

namespace catalyst::ir {
namespace {

using types::Type;
using types::TypeId;
using types::TypeKind;
using types::TypeTable;
using value::Kind;
using value::Scratch;
using value::Status;
using value::Value;

Value microseconds(std::optional<int64_t> us, Kind kind) {
  return us ? Value::of_int(*us, kind) : Value::absent();
}

Value cast_scalar(const Type& type, const Value& from) {
  switch (type.kind) {
    case TypeKind::Bool:
      return from.kind == Kind::Bool ? from : Value::absent();
    case TypeKind::Int:
      return from.kind == Kind::Int ? from : Value::absent();
    case TypeKind::Decimal:
      return from.kind == Kind::Decimal
                 ? from
                 : (from.kind == Kind::Int ? value::decimal::from_int(from.a.integer) : Value::absent());
    case TypeKind::Float:
      if (from.kind == Kind::Decimal) {
        return Value::of_float(value::decimal::to_double(from));
      }
      return from.kind == Kind::Float
                 ? from
                 : (from.kind == Kind::Int ? Value::of_float(static_cast<double>(from.a.integer))
                                           : Value::absent());
    case TypeKind::String:
      return from.kind == Kind::String ? from : Value::absent();
    case TypeKind::Enum: {
      const bool member = from.kind == Kind::String && std::find(type.members.begin(), type.members.end(),
                                                                 from.text()) != type.members.end();
      return member ? from : Value::absent();
    }
    case TypeKind::Time:
      return from.kind == Kind::String ? microseconds(value::parse_time(from.text()), Kind::Time)
                                       : Value::absent();
    case TypeKind::Duration:
      return from.kind == Kind::String ? microseconds(value::parse_duration(from.text()), Kind::Duration)
                                       : Value::absent();
    case TypeKind::Ip:
      return from.kind == Kind::String ? value::parse_ip(from.text()).value_or(Value::absent())
                                       : Value::absent();
    case TypeKind::Json:
      return from;
    case TypeKind::Error:
    case TypeKind::Bytes:
    case TypeKind::Record:
    case TypeKind::List:
    case TypeKind::Set:
    case TypeKind::Map:
    case TypeKind::Optional:
      return Value::absent();
  }
  return Value::absent();
}

class Caster {
 public:
  Caster(const TypeTable& table, const Scratch& scratch) : table_(table), scratch_(scratch) {}

  /// nullopt: stop with status().
  std::optional<Value> cast(const Value& from, TypeId type) {
    if (!step(1)) {
      return std::nullopt;
    }
    const Type& t = table_.get(table_.strip_optional(type));
    switch (t.kind) {
      case TypeKind::List:
      case TypeKind::Set:
        return from.kind == Kind::List ? cast_items(from, t) : Value::absent();
      case TypeKind::Map:
        return from.kind == Kind::Map ? cast_members(from, t) : Value::absent();
      case TypeKind::Record:
        return from.kind == Kind::Map ? cast_record(from, t) : Value::absent();
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
      case TypeKind::Enum:
      case TypeKind::Optional:
        return cast_scalar(t, from);
    }
    return Value::absent();
  }

  [[nodiscard]] Status status() const { return status_; }

 private:
  bool step(uint64_t n) {
    status_ = scratch_.charge(n);
    return status_ == Status::Ok;
  }

  template <class T>
  T* alloc(uint32_t count) {
    T* memory = scratch_.arena->alloc_array<T>(count);
    status_ = memory == nullptr ? Status::OutOfMemory : Status::Ok;
    return memory;
  }

  std::optional<Value> cast_items(const Value& from, const Type& list) {
    Value* items = alloc<Value>(from.length);
    if (items == nullptr) {
      return std::nullopt;
    }
    for (uint32_t i = 0; i < from.length; i++) {
      const std::optional<Value> item = cast(from.a.items[i], list.element);
      if (!item) {
        return std::nullopt;
      }
      if (item->is_absent() && !(table_.is_optional(list.element) && from.a.items[i].is_absent())) {
        return Value::absent();
      }
      items[i] = *item;
    }
    Value result = Value::of_list(items, from.length);
    if (list.kind == TypeKind::Set) {
      status_ = value::set_union(scratch_, result, Value::of_list(nullptr, 0), &result);
      if (status_ != Status::Ok) {
        return std::nullopt;
      }
    }
    return result;
  }

  std::optional<Value> cast_members(const Value& from, const Type& map) {
    value::Entry* entries = alloc<value::Entry>(from.length);
    if (entries == nullptr) {
      return std::nullopt;
    }
    for (uint32_t i = 0; i < from.length; i++) {
      const std::optional<Value> member = cast(from.a.entries[i].value, map.element);
      if (!member) {
        return std::nullopt;
      }
      if (member->is_absent() && !(table_.is_optional(map.element) && from.a.entries[i].value.is_absent())) {
        return Value::absent();
      }
      entries[i] = {from.a.entries[i].key, *member};
    }
    return Value::of_map(entries, from.length);
  }

  std::optional<Value> cast_record(const Value& from, const Type& record) {
    const auto count = static_cast<uint32_t>(record.fields.size());
    value::Entry* entries = alloc<value::Entry>(count);
    if (entries == nullptr) {
      return std::nullopt;
    }
    for (uint32_t i = 0; i < count; i++) {
      const types::Field& field = record.fields[i];
      const Value given = value::field(from, field.name);
      const std::optional<Value> member = cast(given, field.type);
      if (!member) {
        return std::nullopt;
      }
      if (member->is_absent() && !(table_.is_optional(field.type) && given.is_absent())) {
        return Value::absent();
      }
      entries[i] = {field.name, *member};
    }
    return Value::of_map(entries, count);
  }

  const TypeTable& table_;
  const Scratch& scratch_;
  Status status_ = Status::Ok;
};

}  // namespace

Status cast(const TypeTable& table, const Scratch& scratch, const Value& from, TypeId type,
            Value* out) noexcept {
  Caster caster(table, scratch);
  const std::optional<Value> result = caster.cast(from, type);
  if (!result) {
    return caster.status();
  }
  *out = *result;
  return Status::Ok;
}

}  // namespace catalyst::ir
