#include "compiler/ir/fits.h"

#include <algorithm>

#include "runtime/value/decimal.h"

namespace catalyst::ir {
namespace {

using types::TypeId;
using types::TypeKind;
using value::Entry;
using value::Kind;
using value::Value;

/// Constants nest as deep as source brackets do, or as JSON that is read with the same limit.
constexpr int kNestingMax = 512;

class Fit {
 public:
  explicit Fit(const types::TypeTable& table) : table_(table) {}

  bool fits(TypeId type, const Value& v, int nesting) {
    if (nesting > kNestingMax) {
      return false;
    }
    const types::Type& t = table_.get(type);
    switch (t.kind) {
      case TypeKind::Optional:
        return v.is_absent() || fits(t.element, v, nesting + 1);
      case TypeKind::Bool:
        return v.kind == Kind::Bool && scalar(v);
      case TypeKind::Int:
        return v.kind == Kind::Int;
      case TypeKind::Decimal:
        return v.kind == Kind::Decimal && scalar(v);
      case TypeKind::Float:
        return v.kind == Kind::Float;
      case TypeKind::String:
        return v.kind == Kind::String;
      case TypeKind::Enum:
        return v.kind == Kind::String &&
               std::find(t.members.begin(), t.members.end(), v.text()) != t.members.end();
      case TypeKind::Bytes:
        return v.kind == Kind::Bytes;
      case TypeKind::Time:
        return v.kind == Kind::Time;
      case TypeKind::Duration:
        return v.kind == Kind::Duration;
      case TypeKind::Ip:
        return v.kind == Kind::Ip && scalar(v);
      case TypeKind::Json:
        return json(v, nesting);
      case TypeKind::List:
      case TypeKind::Set:
        return v.kind == Kind::List && std::all_of(v.a.items, v.a.items + v.length, [&](const Value& item) {
                 return fits(t.element, item, nesting + 1);
               });
      case TypeKind::Map:
        return v.kind == Kind::Map && std::all_of(v.a.entries, v.a.entries + v.length, [&](const Entry& e) {
                 return fits(t.element, e.value, nesting + 1);
               });
      case TypeKind::Record:
        return v.kind == Kind::Map && std::all_of(v.a.entries, v.a.entries + v.length, [&](const Entry& e) {
                 const types::Field* field = table_.field(type, e.key);
                 return field != nullptr && fits(field->type, e.value, nesting + 1);
               });
      case TypeKind::Error:
        return false;
    }
    return false;
  }

 private:
  /// Bools are 0 or 1, decimals have no trailing zeros, networks no more bits than an address: what
  /// operations count on.
  static bool scalar(const Value& v) {
    if (v.kind == Kind::Decimal) {
      return v.scale <= value::decimal::kMaxScale && (v.scale == 0 || v.coefficient() % 10 != 0);
    }
    return v.kind == Kind::Ip ? v.scale <= 128 : v.kind != Kind::Bool || (v.a.integer & ~int64_t{1}) == 0;
  }

  /// Anything that says what it is.
  bool json(const Value& v, int nesting) {
    if (nesting > kNestingMax || v.kind == Kind::Invalid || v.kind > Kind::Map || !scalar(v)) {
      return false;
    }
    if (v.kind == Kind::List) {
      return std::all_of(v.a.items, v.a.items + v.length,
                         [&](const Value& item) { return json(item, nesting + 1); });
    }
    return v.kind != Kind::Map || std::all_of(v.a.entries, v.a.entries + v.length,
                                              [&](const Entry& e) { return json(e.value, nesting + 1); });
  }

  const types::TypeTable& table_;
};

}  // namespace

bool fits(const types::TypeTable& table, TypeId type, const Value& v) { return Fit(table).fits(type, v, 0); }

}  // namespace catalyst::ir
