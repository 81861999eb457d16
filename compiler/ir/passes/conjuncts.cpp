#include "compiler/ir/passes/conjuncts.h"

#include <algorithm>
#include <optional>

#include "compiler/ir/passes/fuel_use.h"

namespace catalyst::ir {

namespace {

using OnAbsent = abi::Atom::OnAbsent;
using types::TypeKind;
using value::Kind;
using value::Value;

constexpr size_t kPartsMax = 32;    // looked for ahead, of one condition: a fraction of its fuel
constexpr size_t kNamesMax = 4096;  // of one test; longer lists are left to the evaluator

/// A slot as an operand of a test, and what its absence means there.
struct Operand {
  uint32_t slot = UINT32_MAX;
  enum class Absence : uint8_t { Never, Error, Default } absence = Absence::Never;
  const Value* fallback = nullptr;  // Default
};

bool flip(Op op, Op* out) {
  switch (op) {
    case Op::Lt:
      *out = Op::Gt;
      return true;
    case Op::Le:
      *out = Op::Ge;
      return true;
    case Op::Gt:
      *out = Op::Lt;
      return true;
    case Op::Ge:
      *out = Op::Le;
      return true;
    default:
      *out = op;
      return op == Op::Eq || op == Op::Ne;
  }
}

Op negation(Op op) {
  switch (op) {
    case Op::Eq:
      return Op::Ne;
    case Op::Ne:
      return Op::Eq;
    case Op::Lt:
      return Op::Ge;
    case Op::Le:
      return Op::Gt;
    case Op::Gt:
      return Op::Le;
    default:
      return Op::Lt;
  }
}

bool holds(Op op, int64_t a, int64_t b) {
  switch (op) {
    case Op::Eq:
      return a == b;
    case Op::Ne:
      return a != b;
    case Op::Lt:
      return a < b;
    case Op::Le:
      return a <= b;
    case Op::Gt:
      return a > b;
    default:
      return a >= b;
  }
}

class Finder {
 public:
  Finder(const Module& module, ExprId condition) : module_(module), condition_(condition) {}

  /// Appends what `id` (negated when asked) implies; true when that is all it says.
  bool add(ExprId id, bool negated, std::vector<Conjunct>& out) {
    const Expr& e = module_.expr(id);
    switch (e.op) {
      case Op::And:
      case Op::Or:
        // not (a or b) is (not a) and (not b), errors included.
        if ((e.op == Op::And) != negated) {
          const bool left = add(module_.operand(e, 0), negated, out);
          return add(module_.operand(e, 1), negated, out) && left;
        }
        return add_either(e, negated, out);
      case Op::Not:
        return add(module_.operand(e, 0), !negated, out);
      case Op::Fact:
        return add(module_.facts[e.payload].value, negated, out);
      case Op::Const: {
        const Value& v = module_.consts[e.payload];
        return v.kind == Kind::Bool && (v.a.integer != 0) != negated;
      }
      case Op::Slot:
      case Op::Unwrap:
      case Op::Coalesce:
        return add_flag(id, negated, out);
      case Op::IsPresent:
        return add_presence(module_.operand(e, 0), negated, out);
      case Op::Eq:
      case Op::Ne:
      case Op::Lt:
      case Op::Le:
      case Op::Gt:
      case Op::Ge:
        return add_comparison(e, negated, out);
      case Op::Has:
        return add_has(e, negated, out);
      case Op::Intersects:
        return add_intersects(e, negated, out);
      case Op::StartsWith:
        return !negated && add_prefix(e, out);
      case Op::StringContains:
        return !negated && add_part(e, out);
      default:
        return false;
    }
  }

 private:
  const Value* constant(ExprId id) const {
    const Expr& e = module_.expr(id);
    return e.op == Op::Const ? &module_.consts[e.payload] : nullptr;
  }

  std::optional<Operand> operand(ExprId id) const {
    const Expr& e = module_.expr(id);
    if (e.op == Op::Slot) {
      const Slot& slot = module_.slots[e.payload];
      if (module_.types.is_optional(slot.type)) {
        return std::nullopt;
      }
      return Operand{e.payload,
                     abi::input_root_trusted(slot.root) ? Operand::Absence::Never : Operand::Absence::Error,
                     nullptr};
    }
    if (e.op == Op::Unwrap && module_.expr(module_.operand(e, 0)).op == Op::Slot) {
      return Operand{module_.expr(module_.operand(e, 0)).payload, Operand::Absence::Error, nullptr};
    }
    if (e.op == Op::Coalesce && module_.expr(module_.operand(e, 0)).op == Op::Slot) {
      const Value* fallback = constant(module_.operand(e, 1));
      if (fallback != nullptr) {
        return Operand{module_.expr(module_.operand(e, 0)).payload, Operand::Absence::Default, fallback};
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] TypeKind kind_of(uint32_t slot) const {
    return module_.types.kind(module_.types.strip_optional(module_.slots[slot].type));
  }

  [[nodiscard]] bool is_text(uint32_t slot) const {
    const TypeKind kind = kind_of(slot);
    return kind == TypeKind::String || kind == TypeKind::Enum;
  }

  [[nodiscard]] bool is_integer(uint32_t slot) const {
    const TypeKind kind = kind_of(slot);
    return kind == TypeKind::Bool || kind == TypeKind::Int || kind == TypeKind::Time ||
           kind == TypeKind::Duration;
  }

  [[nodiscard]] bool is_text_set(uint32_t slot) const {
    const types::Type& type = module_.types.get(module_.types.strip_optional(module_.slots[slot].type));
    if (type.kind != TypeKind::List && type.kind != TypeKind::Set) {
      return false;
    }
    const TypeKind element = module_.types.kind(type.element);
    return element == TypeKind::String || element == TypeKind::Enum;
  }

  template <class Test>
  static OnAbsent absence(const Operand& operand, Test test) {
    switch (operand.absence) {
      case Operand::Absence::Never:
        return OnAbsent::False;
      case Operand::Absence::Error:
        return OnAbsent::Exact;
      case Operand::Absence::Default:
        return test(*operand.fallback) ? OnAbsent::True : OnAbsent::False;
    }
    return OnAbsent::Exact;
  }

  bool add_flag(ExprId id, bool negated, std::vector<Conjunct>& out) {
    const std::optional<Operand> flag = operand(id);
    if (!flag || kind_of(flag->slot) != TypeKind::Bool) {
      return false;
    }
    add_integer(*flag, negated ? Op::Ne : Op::Eq, 1, out);
    return true;
  }

  bool add_presence(ExprId id, bool negated, std::vector<Conjunct>& out) {
    const Expr& e = module_.expr(id);
    if (e.op != Op::Slot) {
      return false;
    }
    Conjunct c;
    c.kind = negated ? Conjunct::Kind::Absent : Conjunct::Kind::Present;
    c.slot = e.payload;
    out.push_back(std::move(c));
    return true;
  }

  static bool add_integer(const Operand& operand, Op op, int64_t bound, std::vector<Conjunct>& out) {
    Conjunct c;
    c.slot = operand.slot;
    c.absent = absence(operand, [&](const Value& fallback) { return holds(op, fallback.a.integer, bound); });
    c.integer = bound;
    switch (op) {
      case Op::Eq:
      case Op::Ne:
        c.kind = Conjunct::Kind::IntIs;
        c.negated = op == Op::Ne;
        break;
      case Op::Lt:
        if (bound == INT64_MIN) {
          return false;
        }
        c.kind = Conjunct::Kind::IntMax;
        c.integer = bound - 1;
        break;
      case Op::Le:
        c.kind = Conjunct::Kind::IntMax;
        break;
      case Op::Gt:
        if (bound == INT64_MAX) {
          return false;
        }
        c.kind = Conjunct::Kind::IntMin;
        c.integer = bound + 1;
        break;
      default:
        c.kind = Conjunct::Kind::IntMin;
    }
    out.push_back(std::move(c));
    return true;
  }

  bool add_comparison(const Expr& e, bool negated, std::vector<Conjunct>& out) {
    ExprId left = module_.operand(e, 0);
    ExprId right = module_.operand(e, 1);
    Op op = e.op;
    if (constant(left) != nullptr) {
      std::swap(left, right);
      if (!flip(e.op, &op)) {
        return false;
      }
    }
    const Value* bound = constant(right);
    const std::optional<Operand> subject = operand(left);
    if (bound == nullptr || !subject) {
      return false;
    }
    op = negated ? negation(op) : op;
    if (is_integer(subject->slot)) {
      return add_integer(*subject, op, bound->a.integer, out);
    }
    if (!is_text(subject->slot) || (op != Op::Eq && op != Op::Ne)) {
      return false;
    }
    add_names(*subject, {std::string(bound->text())}, op == Op::Ne, out);
    return true;
  }

  static void add_names(const Operand& operand, std::vector<std::string> names, bool negated,
                        std::vector<Conjunct>& out) {
    Conjunct c;
    c.kind = Conjunct::Kind::Symbol;
    c.negated = negated;
    c.slot = operand.slot;
    c.absent = absence(operand, [&](const Value& fallback) {
      return (std::find(names.begin(), names.end(), fallback.text()) != names.end()) != negated;
    });
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    c.names = std::move(names);
    out.push_back(std::move(c));
  }

  /// Texts of a constant list or set of strings.
  static std::optional<std::vector<std::string>> texts_of(const Value* list) {
    if (list == nullptr || list->kind != Kind::List || list->length == 0 || list->length > kNamesMax) {
      return std::nullopt;
    }
    std::vector<std::string> texts;
    for (uint32_t i = 0; i < list->length; ++i) {
      if (list->a.items[i].kind != Kind::String) {
        return std::nullopt;
      }
      texts.emplace_back(list->a.items[i].text());
    }
    return texts;
  }

  bool add_has(const Expr& e, bool negated, std::vector<Conjunct>& out) {
    const ExprId collection = module_.operand(e, 0);
    const ExprId element = module_.operand(e, 1);
    if (const Value* name = constant(element); name != nullptr) {
      return name->kind == Kind::String && add_mask(collection, {std::string(name->text())}, negated, out);
    }
    const std::optional<Operand> subject = operand(element);
    std::optional<std::vector<std::string>> names = texts_of(constant(collection));
    if (!subject || !is_text(subject->slot) || !names) {
      return false;
    }
    add_names(*subject, std::move(*names), negated, out);
    return true;
  }

  bool add_intersects(const Expr& e, bool negated, std::vector<Conjunct>& out) {
    for (uint32_t side = 0; side < 2; ++side) {
      std::optional<std::vector<std::string>> names = texts_of(constant(module_.operand(e, 1 - side)));
      if (names) {
        return add_mask(module_.operand(e, side), std::move(*names), negated, out);
      }
    }
    return false;
  }

  /// What is absent has no bits, as what is empty: only an error needs a word of its own.
  static void add_required(const Operand& operand, std::vector<Conjunct>& out) {
    if (operand.absence == Operand::Absence::Error) {
      Conjunct present;
      present.kind = Conjunct::Kind::Present;
      present.slot = operand.slot;
      present.absent = OnAbsent::Exact;
      out.push_back(std::move(present));
    }
  }

  bool add_mask(ExprId collection, std::vector<std::string> names, bool negated, std::vector<Conjunct>& out) {
    const std::optional<Operand> subject = operand(collection);
    if (!subject || !is_text_set(subject->slot)) {
      return false;
    }
    if (subject->absence == Operand::Absence::Default && subject->fallback->length != 0) {
      return false;
    }
    add_required(*subject, out);
    Conjunct c;
    c.kind = Conjunct::Kind::Mask;
    c.absent = subject->absence == Operand::Absence::Error ? OnAbsent::Exact : OnAbsent::False;
    c.negated = negated;
    c.slot = subject->slot;
    c.names = std::move(names);
    out.push_back(std::move(c));
    return true;
  }

  bool add_prefix(const Expr& e, std::vector<Conjunct>& out) {
    const std::optional<Operand> subject = operand(module_.operand(e, 0));
    const Value* prefix = constant(module_.operand(e, 1));
    if (!subject || prefix == nullptr || prefix->kind != Kind::String || !is_text(subject->slot)) {
      return false;
    }
    Conjunct c;
    c.kind = Conjunct::Kind::Prefix;
    c.slot = subject->slot;
    c.absent =
        absence(*subject, [&](const Value& fallback) { return fallback.text().starts_with(prefix->text()); });
    c.names = {std::string(prefix->text())};
    out.push_back(std::move(c));
    return true;
  }

  bool add_part(const Expr& e, std::vector<Conjunct>& out) {
    const std::optional<Operand> subject = operand(module_.operand(e, 0));
    const Value* part = constant(module_.operand(e, 1));
    if (!subject || part == nullptr || part->kind != Kind::String || part->length == 0 ||
        !is_text(subject->slot) || parts_ == kPartsMax || !spends_little(module_, condition_)) {
      return false;
    }
    if (subject->absence == Operand::Absence::Default &&
        subject->fallback->text().find(part->text()) != std::string_view::npos) {
      return false;
    }
    ++parts_;
    add_required(*subject, out);
    Conjunct c;
    c.kind = Conjunct::Kind::Part;
    c.absent = subject->absence == Operand::Absence::Error ? OnAbsent::Exact : OnAbsent::False;
    c.slot = subject->slot;
    c.names = {std::string(part->text())};
    out.push_back(std::move(c));
    return true;
  }

  /// a or b, when both test one slot for names in the same way.
  bool add_either(const Expr& e, bool negated, std::vector<Conjunct>& out) {
    std::vector<Conjunct> left;
    std::vector<Conjunct> right;
    if (!add(module_.operand(e, 0), negated, left) || !add(module_.operand(e, 1), negated, right)) {
      return false;
    }
    settle_presence(left);
    settle_presence(right);
    if (!same_guards(left, right)) {
      return false;
    }
    Conjunct& a = left.back();
    const Conjunct& b = right.back();
    const bool names =
        a.kind == Conjunct::Kind::Symbol || a.kind == Conjunct::Kind::Mask || a.kind == Conjunct::Kind::Part;
    if (!names || a.kind != b.kind || a.slot != b.slot || a.negated || b.negated || a.absent != b.absent ||
        a.names.size() + b.names.size() > kNamesMax) {
      return false;
    }
    for (const std::string& name : b.names) {
      if (std::find(a.names.begin(), a.names.end(), name) == a.names.end()) {
        a.names.push_back(name);
      }
    }
    std::move(left.begin(), left.end(), std::back_inserter(out));
    return true;
  }

  /// True when all but the last conjuncts are the same presence tests.
  static bool same_guards(const std::vector<Conjunct>& a, const std::vector<Conjunct>& b) {
    if (a.empty() || a.size() != b.size()) {
      return false;
    }
    for (size_t i = 0; i + 1 < a.size(); ++i) {
      if (a[i].kind != Conjunct::Kind::Present || b[i].kind != Conjunct::Kind::Present ||
          a[i].slot != b[i].slot || a[i].absent != b[i].absent) {
        return false;
      }
    }
    return true;
  }

 public:
  /// Under a guard `x is present` an absent x makes the whole false: the other tests of x need not be exact
  /// about it, and where one of them fails on absence anyway the guard itself is not needed.
  static void settle_presence(std::vector<Conjunct>& list) {
    const auto is_guard = [](const Conjunct& c) {
      return c.kind == Conjunct::Kind::Present && c.absent == OnAbsent::False;
    };
    for (size_t i = 0; i < list.size(); ++i) {
      if (!is_guard(list[i])) {
        continue;
      }
      bool implied = false;
      for (size_t j = 0; j < list.size(); ++j) {
        if (j == i || list[j].slot != list[i].slot || list[j].kind == Conjunct::Kind::Absent) {
          continue;
        }
        if (list[j].absent == OnAbsent::Exact || list[j].absent == OnAbsent::True) {
          list[j].absent = OnAbsent::False;
        }
        implied = implied || list[j].kind != Conjunct::Kind::Mask || !list[j].negated;
      }
      if (implied) {
        list.erase(list.begin() + static_cast<ptrdiff_t>(i));
        --i;
      }
    }
  }

 private:
  const Module& module_;
  ExprId condition_;
  size_t parts_ = 0;
};

}  // namespace

Conjuncts find_conjuncts(const Module& module, ExprId condition) {
  Conjuncts out;
  if (!condition.valid()) {
    return out;
  }
  Finder finder(module, condition);
  out.complete = finder.add(condition, false, out.list) &&
                 std::none_of(out.list.begin(), out.list.end(),
                              [](const Conjunct& c) { return c.kind == Conjunct::Kind::Part; });
  Finder::settle_presence(out.list);
  return out;
}

}  // namespace catalyst::ir
