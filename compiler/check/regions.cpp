#include "compiler/check/regions.h"

#include <endian.h>
#include <algorithm>
#include <cmath>

#include <tuple>

#include "compiler/check/text_regions.h"
#include "runtime/value/decimal.h"
#include "runtime/value/ops.h"

namespace catalyst::check {
namespace {

using types::TypeKind;
using value::Status;
using value::Value;
using Kind = ir::TableTest::Kind;

constexpr int64_t kSecond = 1'000'000;

/// As an author would write the value.
std::string literal(const Value& v, TypeKind kind) {
  std::string out;
  if (kind == TypeKind::Enum || kind == TypeKind::Duration) {
    value::append_text(out, v);
  } else {
    value::append_json(out, v);
  }
  return out;
}

std::strong_ordering compare(const Value& a, const Value& b) {
  switch (a.kind) {
    case value::Kind::Bool:
      return a.a.integer <=> b.a.integer;
    case value::Kind::Float:
      return a.a.real < b.a.real   ? std::strong_ordering::less
             : a.a.real > b.a.real ? std::strong_ordering::greater
                                   : std::strong_ordering::equal;
    case value::Kind::Ip: {
      const uint64_t left[2] = {be64toh(a.a.low), be64toh(a.b.high)};
      const uint64_t right[2] = {be64toh(b.a.low), be64toh(b.b.high)};
      return left[0] != right[0] ? left[0] <=> right[0] : left[1] <=> right[1];
    }
    default:
      return value::order(a, b);
  }
}

using Wide = unsigned __int128;

Wide address(const Value& ip) { return Wide{be64toh(ip.a.low)} << 64 | be64toh(ip.b.high); }

Value ip_of(Wide address) {
  uint8_t octets[16];
  for (int i = 0; i < 16; ++i) {
    octets[i] = static_cast<uint8_t>(address >> (8 * (15 - i)));
  }
  return Value::of_ip(octets, 128);
}

std::optional<Value> integer_between(const Value* low, const Value* high, value::Kind kind) {
  if (low == nullptr && high == nullptr) {
    return Value::of_int(kind == value::Kind::Time ? 1'767'225'600 * kSecond : 0, kind);
  }
  const int64_t step = kind == value::Kind::Int ? 1 : kSecond;
  int64_t at = 0;
  for (const int64_t each : {step, int64_t{1}}) {
    const bool in_range = low == nullptr ? !__builtin_sub_overflow(high->a.integer, each, &at)
                                         : !__builtin_add_overflow(low->a.integer, each, &at);
    if (in_range && (low == nullptr || high == nullptr || at < high->a.integer)) {
      return Value::of_int(at, kind);
    }
  }
  return std::nullopt;
}

std::optional<Value> decimal_between(const Value* low, const Value* high) {
  const Value one = value::decimal::from_int(1);
  Value at = value::decimal::from_int(0);
  if (low == nullptr && high == nullptr) {
    return at;
  }
  const Status moved =
      low == nullptr ? value::decimal::subtract(*high, one, &at) : value::decimal::add(*low, one, &at);
  const auto inside = [&](const Value& v) {
    return (low == nullptr || compare(*low, v) < 0) && (high == nullptr || compare(v, *high) < 0);
  };
  if (moved == Status::Ok && inside(at)) {
    return at;
  }
  Value sum;
  if (low != nullptr && high != nullptr && value::decimal::add(*low, *high, &sum) == Status::Ok &&
      value::decimal::divide(sum, value::decimal::from_int(2), &at) == Status::Ok && inside(at)) {
    return at;
  }
  return std::nullopt;
}

std::optional<Value> float_between(const Value* low, const Value* high) {
  const double bottom = low == nullptr ? -INFINITY : low->a.real;
  const double top = high == nullptr ? INFINITY : high->a.real;
  const double tries[] = {0.0, bottom + 1, top - 1, bottom / 2 + top / 2, std::nextafter(bottom, INFINITY)};
  for (const double each : tries) {
    if (each > bottom && each < top) {
      return Value::of_float(each);
    }
  }
  return std::nullopt;
}

std::optional<Value> ip_between(const Value* low, const Value* high) {
  constexpr Wide kMapped = Wide{0xFFFF} << 32;  // ::ffff:0:0, where IPv4 lives
  const Wide ten = kMapped | 0x0A000001u;
  const Wide bottom = low == nullptr ? 0 : address(*low) + 1;
  const Wide top = high == nullptr ? ~Wide{0} : address(*high) - 1;
  if ((low != nullptr && bottom == 0) || (high != nullptr && address(*high) == 0) || bottom > top) {
    return std::nullopt;
  }
  return ip_of(ten >= bottom && ten <= top ? ten : low == nullptr ? top : bottom);
}

/// A value strictly between two; nullptr is no bound. Nothing when there is none.
std::optional<Value> between(const Value* low, const Value* high, TypeKind kind) {
  switch (kind) {
    case TypeKind::Decimal:
      return decimal_between(low, high);
    case TypeKind::Float:
      return float_between(low, high);
    case TypeKind::Ip:
      return ip_between(low, high);
    case TypeKind::Time:
      return integer_between(low, high, value::Kind::Time);
    case TypeKind::Duration:
      return integer_between(low, high, value::Kind::Duration);
    default:
      return integer_between(low, high, value::Kind::Int);
  }
}

bool same_test(const ir::TableTest& a, const ir::TableTest& b) {
  return a.kind == b.kind && a.low == b.low && a.high == b.high && a.low_included == b.low_included &&
         a.high_included == b.high_included;
}

}  // namespace

std::optional<Regions> Regions::cut(const ir::Module& module, types::TypeId type,
                                    const std::vector<const ir::TableCell*>& cells) {
  Regions out(module, module.types.strip_optional(type));
  bool cut = true;
  switch (module.types.kind(out.type_)) {
    case TypeKind::Enum:
    case TypeKind::Bool:
      out.cut_enum();
      break;
    case TypeKind::String:
      cut = out.cut_texts(cells);
      break;
    default:
      out.cut_ordered(cells);
      break;
  }
  if (!cut || out.samples_.size() > kMaxRegions) {
    return std::nullopt;
  }
  out.valued_ = out.samples_.size();
  out.optional_ = module.types.is_optional(type);
  if (out.optional_) {
    out.samples_.emplace_back("absent");
  }
  return out;
}

void Regions::cut_enum() {
  if (module_->types.kind(type_) == TypeKind::Bool) {
    samples_ = {"false", "true"};
  } else {
    samples_ = module_->types.get(type_).members;
  }
}

void Regions::cut_ordered(const std::vector<const ir::TableCell*>& cells) {
  const TypeKind kind = module_->types.kind(type_);
  for (const ir::TableCell* cell : cells) {
    for (const ir::TableTest& test : cell->tests) {
      for (const ir::ConstId bound : {test.low, test.high}) {
        if (bound.valid()) {
          bounds_.push_back(bound);
        }
      }
    }
  }
  const auto value = [&](ir::ConstId id) -> const Value& { return module_->consts[id.index]; };
  std::sort(bounds_.begin(), bounds_.end(),
            [&](ir::ConstId a, ir::ConstId b) { return compare(value(a), value(b)) < 0; });
  bounds_.erase(std::unique(bounds_.begin(), bounds_.end(),
                            [&](ir::ConstId a, ir::ConstId b) { return compare(value(a), value(b)) == 0; }),
                bounds_.end());
  for (size_t i = 0; i <= bounds_.size(); ++i) {
    const Value* low = i == 0 ? nullptr : &value(bounds_[i - 1]);
    const Value* high = i == bounds_.size() ? nullptr : &value(bounds_[i]);
    const std::optional<Value> inside = between(low, high, kind);
    region_of_slot_.push_back(inside ? static_cast<int32_t>(samples_.size()) : -1);
    if (inside) {
      samples_.push_back(literal(*inside, kind));
    }
    if (high != nullptr) {
      region_of_slot_.push_back(static_cast<int32_t>(samples_.size()));
      samples_.push_back(literal(*high, kind));
    }
  }
  if (kind == TypeKind::Float) {
    samples_.emplace_back("not a number");  // no test holds there
  }
}

bool Regions::cut_texts(const std::vector<const ir::TableCell*>& cells) {
  for (const ir::TableCell* cell : cells) {
    tests_.insert(tests_.end(), cell->tests.begin(), cell->tests.end());
  }
  const auto key = [](const ir::TableTest& t) {
    return std::tuple(t.kind, t.low.index, t.high.index, t.low_included, t.high_included);
  };
  std::sort(tests_.begin(), tests_.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  tests_.erase(std::unique(tests_.begin(), tests_.end(), same_test), tests_.end());
  const std::optional<std::vector<TextRegion>> regions = check::cut_texts(*module_, tests_, kMaxRegions);
  if (!regions) {
    return false;
  }
  tests_hold_.assign(tests_.size(), bits_for(regions->size() + 1));
  for (size_t i = 0; i < regions->size(); ++i) {
    const TextRegion& region = (*regions)[i];
    samples_.push_back(literal(Value::of_string(region.sample), TypeKind::String));
    for (const uint32_t test : region.holding) {
      set_bit(tests_hold_[test], i);
    }
  }
  return true;
}

size_t Regions::place(ir::ConstId bound) const {
  const Value& wanted = module_->consts[bound.index];
  return static_cast<size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), wanted,
                                              [&](ir::ConstId a, const Value& b) {
                                                return compare(module_->consts[a.index], b) < 0;
                                              }) -
                             bounds_.begin());
}

Bits Regions::matching_test(const ir::TableTest& test) const {
  Bits out = bits_for(size());
  const TypeKind kind = module_->types.kind(type_);
  if (kind == TypeKind::String) {
    const auto known = std::find_if(tests_.begin(), tests_.end(),
                                    [&](const ir::TableTest& t) { return same_test(t, test); });
    const Bits& holds = tests_hold_[static_cast<size_t>(known - tests_.begin())];
    std::copy_n(holds.begin(), std::min(holds.size(), out.size()), out.begin());
    return out;
  }
  if (kind == TypeKind::Enum || kind == TypeKind::Bool) {
    const std::string wanted = literal(module_->consts[test.low.index], kind);
    for (size_t i = 0; i < valued_; ++i) {
      if (samples_[i] == wanted) {
        set_bit(out, i);
      }
    }
    return out;
  }
  const size_t first = test.low.valid() ? 2 * place(test.low) + (test.low_included ? 1 : 2) : 0;
  const size_t last =
      test.high.valid() ? 2 * place(test.high) + (test.high_included ? 2 : 1) : region_of_slot_.size();
  for (size_t slot = first; slot < last; ++slot) {
    if (region_of_slot_[slot] >= 0) {
      set_bit(out, static_cast<size_t>(region_of_slot_[slot]));
    }
  }
  return out;
}

Bits Regions::matching(const ir::TableCell& cell) const {
  Bits out = bits_for(size());
  for (const ir::TableTest& test : cell.tests) {
    const Bits more = matching_test(test);
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] |= more[i];
    }
  }
  if (cell.negated) {
    const Bits all = bits_for(size(), true);
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = all[i] & ~out[i];
    }
  }
  if (optional_) {
    out[(size() - 1) >> 6] &= ~(uint64_t{1} << ((size() - 1) & 63));
    if (cell.absent) {
      set_bit(out, size() - 1);
    }
  }
  return out;
}

}  // namespace catalyst::check
