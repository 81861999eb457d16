#include <cstring>

#include "compiler/analysis/symbolic.h"
#include "runtime/value/builtin.h"

// Arithmetic, addresses and built-in functions.

namespace catalyst::analysis {

using ir::Op;
using types::TypeKind;
using value::Builtin;

namespace {

constexpr const char* kIntMin = "-9223372036854775808";
constexpr const char* kIntMax = "9223372036854775807";

std::string numeral_of(unsigned __int128 x) {
  std::string out;
  do {
    out.insert(out.begin(), static_cast<char>('0' + static_cast<int>(x % 10)));
    x /= 10;
  } while (x != 0);
  return out;
}

}  // namespace

FormulaId Symbolic::in_int_range(FormulaId number) {
  return f_.both(f_.compare(FormulaOp::LessEq, f_.number(kIntMin), number),
                 f_.compare(FormulaOp::LessEq, number, f_.number(kIntMax)));
}

std::optional<FormulaId> Symbolic::ip_inside(const Sym& ip, const Sym& network) {
  if (ip.kind != Sym::Kind::Number || network.constant == nullptr ||
      network.constant->kind != value::Kind::Ip) {
    return std::nullopt;
  }
  const value::Value& n = *network.constant;
  uint8_t octets[16];
  std::memcpy(octets, &n.a, 8);
  std::memcpy(octets + 8, &n.b, 8);
  unsigned __int128 low = 0;
  for (const uint8_t octet : octets) {
    low = low << 8 | octet;
  }
  const unsigned __int128 host = n.scale == 0 ? ~static_cast<unsigned __int128>(0)
                                              : (static_cast<unsigned __int128>(1) << (128 - n.scale)) - 1;
  return f_.both(f_.compare(FormulaOp::LessEq, f_.number(numeral_of(low)), ip.value),
                 f_.compare(FormulaOp::LessEq, ip.value, f_.number(numeral_of(low | host))));
}

Sym Symbolic::arithmetic(ExprId id, const Expr& e) {
  const Sym a = operand(e, 0);
  const bool unary = e.operand_count == 1;
  const Sym b = unary ? a : operand(e, 1);
  const std::vector<Sym> operands = unary ? std::vector<Sym>{a} : std::vector<Sym>{a, b};
  const TypeKind type = kind(e.type);
  if (a.kind != Sym::Kind::Number || b.kind != Sym::Kind::Number || a.measures || b.measures ||
      type == TypeKind::Float) {
    return opaque(id, e, operands, "this arithmetic");
  }
  FormulaId value;
  const auto positive = [](const Sym& s) {
    return s.constant != nullptr && s.constant->kind != value::Kind::Decimal && s.constant->a.integer > 0;
  };
  switch (e.op) {
    case Op::IntToDecimal:
      return with_digest(derived(Sym::Kind::Number, a.value, e.type, {&a}), e, operands);
    case Op::Neg:
      value = f_.arithmetic(FormulaOp::Sub, f_.number(0), a.value);
      break;
    case Op::Add:
      value = f_.arithmetic(FormulaOp::Add, a.value, b.value);
      break;
    case Op::Sub:
      value = f_.arithmetic(FormulaOp::Sub, a.value, b.value);
      break;
    case Op::Mul:
      if (a.constant == nullptr && b.constant == nullptr) {
        return opaque(id, e, operands, "a product of two inputs");
      }
      value = f_.arithmetic(FormulaOp::Mul, a.value, b.value);
      break;
    case Op::Div:
    case Op::Rem: {
      if (type == TypeKind::Decimal || !positive(b)) {
        return opaque(id, e, operands, "this division");
      }
      // Truncated toward zero; the remainder has the sign of the left side.
      const FormulaOp op = e.op == Op::Div ? FormulaOp::FloorDiv : FormulaOp::FloorMod;
      const FormulaId zero = f_.number(0);
      const FormulaId mirrored = f_.arithmetic(op, f_.arithmetic(FormulaOp::Sub, zero, a.value), b.value);
      value =
          f_.choose_number(f_.compare(FormulaOp::LessEq, zero, a.value), f_.arithmetic(op, a.value, b.value),
                           f_.arithmetic(FormulaOp::Sub, zero, mirrored));
      break;
    }
    default:
      return opaque(id, e, operands, "this conversion");
  }
  Sym out = with_digest(derived(Sym::Kind::Number, value, e.type, {&a, &b}), e, operands);
  if (type == TypeKind::Decimal) {
    // Whether the digits fit is not followed; they do in ordinary requests.
    const std::string name = "?" + out.digest.text();
    world_.opaque.emplace(out.digest.text(), Opaque{&module_, module_.expr_spans[id.index],
                                                    "whether the digits of this result fit"});
    out.ok = f_.both(out.ok, f_.variable(world_.truth(name + " fits", Usual::True)));
  } else {
    out.ok = f_.both(out.ok, in_int_range(value));
  }
  return out;
}

/// Hours, minutes and weekdays are whole-number arithmetic on microseconds; months and years are not.
std::optional<Sym> Symbolic::time_part(const Expr& e, const Sym& time) {
  constexpr int64_t kMinute = 60'000'000;
  const auto part = [&](int64_t unit, int64_t modulus, int64_t shift) {
    const FormulaId whole = f_.arithmetic(FormulaOp::FloorDiv, time.value, f_.number(unit));
    return f_.arithmetic(FormulaOp::FloorMod, f_.arithmetic(FormulaOp::Add, whole, f_.number(shift)),
                         f_.number(modulus));
  };
  FormulaId value;
  switch (static_cast<Builtin>(e.payload)) {
    case Builtin::Hour:
      value = part(60 * kMinute, 24, 0);
      break;
    case Builtin::Minute:
      value = part(kMinute, 60, 0);
      break;
    case Builtin::Weekday:  // 1970-01-01 was a Thursday, the fourth day
      value = f_.arithmetic(FormulaOp::Add, part(24 * 60 * kMinute, 7, 3), f_.number(1));
      break;
    default:
      return std::nullopt;
  }
  return derived(Sym::Kind::Number, value, e.type, {&time});
}

Sym Symbolic::builtin(ExprId id, const Expr& e) {
  std::vector<Sym> operands;
  for (uint32_t i = 0; i < e.operand_count; ++i) {
    operands.push_back(operand(e, i));
  }
  const auto which = static_cast<Builtin>(e.payload);
  const Sym& first = operands[0];
  std::optional<Sym> out;
  if (first.kind == Sym::Kind::Text && first.map == Sym::Map::None &&
      (which == Builtin::Lower || which == Builtin::Upper || which == Builtin::LengthText)) {
    out = first;
    out->constant = nullptr;
    out->type = module_.types.strip_optional(e.type);
    if (which == Builtin::LengthText) {
      out->kind = Sym::Kind::Number;
      out->measures = true;
    } else {
      out->map = which == Builtin::Lower ? Sym::Map::Lower : Sym::Map::Upper;
    }
  } else if (first.kind == Sym::Kind::Number && !first.measures && operands.size() == 1) {
    out = time_part(e, first);
    if (which == Builtin::AbsInt || which == Builtin::AbsDecimal) {
      const FormulaId zero = f_.number(0);
      const FormulaId mirrored = f_.arithmetic(FormulaOp::Sub, zero, first.value);
      out = derived(Sym::Kind::Number,
                    f_.choose_number(f_.compare(FormulaOp::LessEq, zero, first.value), first.value, mirrored),
                    e.type, {&first});
      if (which == Builtin::AbsInt) {
        out->ok = f_.both(out->ok, in_int_range(mirrored));
      }
    }
  } else if (operands.size() == 2 && first.kind == Sym::Kind::Number &&
             operands[1].kind == Sym::Kind::Number && !first.measures && !operands[1].measures) {
    const bool least = which == Builtin::MinInt || which == Builtin::MinDecimal;
    if (least || which == Builtin::MaxInt || which == Builtin::MaxDecimal) {
      const FormulaId first_is_less = f_.compare(FormulaOp::LessEq, first.value, operands[1].value);
      out = derived(Sym::Kind::Number,
                    least ? f_.choose_number(first_is_less, first.value, operands[1].value)
                          : f_.choose_number(first_is_less, operands[1].value, first.value),
                    e.type, {&first, &operands[1]});
    }
  } else if (first.kind == Sym::Kind::Texts && first.texts->kind == Collection::Kind::Variable &&
             (which == Builtin::LengthList || which == Builtin::LengthSet)) {
    out = derived(Sym::Kind::Number, f_.size_of(first.texts->variable), e.type, {&first});
  }
  if (!out) {
    return opaque(id, e, operands, "`" + std::string(value::builtins()[e.payload].name) + "`");
  }
  return with_digest(std::move(*out), e, operands);
}

}  // namespace catalyst::analysis
