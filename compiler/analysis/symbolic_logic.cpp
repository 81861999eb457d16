#include "compiler/analysis/symbolic.h"

// Connectives, choices, quantifiers and comparisons. An error on one side of `and` and `or` loses against a
// side that decides, as everywhere in the language.

namespace catalyst::analysis {

using ir::Op;
namespace {

bool is_empty(const Collection& c) { return c.kind == Collection::Kind::Constant && c.constant.empty(); }

std::shared_ptr<const Collection> guarded(FormulaId condition, std::shared_ptr<const Collection> c) {
  auto out = std::make_shared<Collection>();
  out->kind = Collection::Kind::Guarded;
  out->guard = condition;
  out->left = std::move(c);
  return out;
}

}  // namespace

Sym Symbolic::connective(const Expr& e) {
  const Sym a = operand(e, 0);
  const Sym b = operand(e, 1);
  const auto yes = [&](const Sym& s) { return f_.both(s.ok, s.value); };
  const auto no = [&](const Sym& s) { return f_.both(s.ok, f_.negate(s.value)); };
  Sym out = derived(Sym::Kind::Truth, f_.truth(true), e.type, {});
  if (e.op == Op::And) {
    out.value = f_.both(yes(a), yes(b));
    out.ok = f_.either(out.value, f_.either(no(a), no(b)));
  } else {
    out.value = f_.either(yes(a), yes(b));
    out.ok = f_.either(out.value, f_.both(no(a), no(b)));
  }
  return with_digest(std::move(out), e, {a, b});
}

std::optional<Sym> Symbolic::merge(FormulaId c, const Sym& a, const Sym& b) {
  const bool same = a.digest == b.digest && a.ok == b.ok && a.present == b.present && a.kind == b.kind;
  if (f_.is_true(c) || same) {
    return a;
  }
  if (f_.is_false(c)) {
    return b;
  }
  Sym out = a;
  out.constant = nullptr;
  out.digest = Digest().add("merged").add(c.index).add(a.digest).add(b.digest);
  out.ok = f_.choose(c, a.ok, b.ok);
  out.present = f_.choose(c, a.present, b.present);
  if (a.kind != b.kind || a.measures || b.measures || a.map != b.map) {
    return std::nullopt;
  }
  switch (a.kind) {
    case Sym::Kind::Truth:
      out.value = f_.choose(c, a.value, b.value);
      return out;
    case Sym::Kind::Number:
      out.value = f_.choose_number(c, a.value, b.value);
      return out;
    case Sym::Kind::Text:
      out.value = f_.choose_text(c, a.value, b.value);
      return out;
    case Sym::Kind::Texts: {
      auto both = std::make_shared<Collection>();
      both->kind = Collection::Kind::Union;
      both->left = guarded(c, a.texts);
      both->right = guarded(f_.negate(c), b.texts);
      out.texts = is_empty(*b.texts) ? both->left : (is_empty(*a.texts) ? both->right : both);
      return out;
    }
    case Sym::Kind::Node:
    case Sym::Kind::Opaque:
      break;
  }
  return std::nullopt;
}

Sym Symbolic::choice(ExprId id, const Expr& e) {
  const Sym c = operand(e, 0);
  const Sym a = operand(e, 1);
  const Sym b = operand(e, 2);
  if (std::optional<Sym> out = merge(c.value, a, b)) {
    out->ok = f_.both(c.ok, f_.choose(c.value, a.ok, b.ok));
    return with_digest(std::move(*out), e, {c, a, b});
  }
  Sym named = opaque(id, e, {c, a, b}, "a choice between values");
  named.ok = f_.both(c.ok, f_.choose(c.value, a.ok, b.ok));
  return named;
}

Sym Symbolic::coalesce(ExprId id, const Expr& e) {
  const Sym a = operand(e, 0);
  const Sym b = operand(e, 1);
  std::optional<Sym> out = merge(a.present, a, b);
  if (!out) {
    Sym named = opaque(id, e, {a, b}, "a choice between values");
    named.ok = f_.both(a.ok, f_.either(a.present, b.ok));
    return named;
  }
  out->ok = f_.both(a.ok, f_.either(a.present, b.ok));
  out->present = f_.either(a.present, b.present);
  return with_digest(std::move(*out), e, {a, b});
}

Sym Symbolic::call(ExprId id, const Expr& e) {
  const ir::Function& function = module_.functions[e.payload];
  std::vector<Sym> arguments;
  FormulaId ok = f_.truth(true);
  for (uint32_t i = 0; i < e.operand_count; ++i) {
    arguments.push_back(operand(e, i));
    ok = f_.both(ok, arguments.back().ok);
    arguments.back().ok = f_.truth(true);
  }
  std::vector<std::optional<Sym>> own(arguments.begin(), arguments.end());
  own.resize(std::max<size_t>(own.size(), function.local_count + 2));
  auto outer = std::exchange(locals_, std::move(own));
  ++scopes_;
  Sym out = eval(function.body);
  --scopes_;
  locals_ = std::move(outer);
  out.ok = f_.both(ok, out.ok);
  return out;
}

/// The number of conditions in front of the first true one; an error in front of it is an error.
Sym Symbolic::first_true(const Expr& e) {
  std::vector<Sym> operands;
  for (uint32_t i = 0; i < e.operand_count; ++i) {
    operands.push_back(operand(e, i));
  }
  FormulaId value = f_.number(static_cast<int64_t>(e.operand_count));
  FormulaId ok = f_.truth(true);
  for (uint32_t i = e.operand_count; i-- > 0;) {
    const Sym& c = operands[i];
    value = f_.choose_number(c.value, f_.number(static_cast<int64_t>(i)), value);
    ok = f_.both(c.ok, f_.either(c.value, ok));
  }
  Sym out = derived(Sym::Kind::Number, value, e.type, {});
  out.ok = ok;
  return with_digest(std::move(out), e, operands);
}

/// One of several values, by its number; the others are not evaluated.
Sym Symbolic::select(ExprId id, const Expr& e) {
  const Sym index = operand(e, 0);
  std::vector<Sym> operands = {index};
  for (uint32_t i = 1; i < e.operand_count; ++i) {
    operands.push_back(operand(e, i));
  }
  const auto is = [&](uint32_t i) {
    return f_.compare(FormulaOp::NumEq, index.value, f_.number(static_cast<int64_t>(i)));
  };
  if (index.kind != Sym::Kind::Number || index.measures) {
    for (Sym& s : operands) {
      s.ok = f_.truth(true);
    }
    return opaque(id, e, operands, "a choice between values");
  }
  std::optional<Sym> out = operands.back();
  FormulaId ok = f_.truth(false);
  for (uint32_t i = e.operand_count - 1; i-- > 0;) {
    ok = f_.choose(is(i), operands[i + 1].ok, ok);
    out = out ? merge(is(i), operands[i + 1], *out) : out;
  }
  if (!out) {
    for (Sym& s : operands) {
      s.ok = f_.truth(true);
    }
    out = opaque(id, e, operands, "a choice between values");
    out->ok = f_.both(index.ok, ok);
    return *out;
  }
  out->ok = f_.both(index.ok, ok);
  return with_digest(std::move(*out), e, operands);
}

FormulaId Symbolic::some(const Collection& c, TextVar bound, FormulaId body) {
  switch (c.kind) {
    case Collection::Kind::Variable:
      return f_.some_of(c.variable, bound, body);
    case Collection::Kind::Union:
      return f_.either(some(*c.left, bound, body), some(*c.right, bound, body));
    case Collection::Kind::Intersect:
      return some(*c.left, bound, f_.both(member(*c.right, f_.variable(bound)), body));
    case Collection::Kind::Except:
      return some(*c.left, bound, f_.both(f_.negate(member(*c.right, f_.variable(bound))), body));
    case Collection::Kind::Guarded:
      return f_.both(c.guard, some(*c.left, bound, body));
    case Collection::Kind::Constant: {
      std::vector<FormulaId> any;
      for (const std::string& text : c.constant) {
        any.push_back(f_.substitute(body, bound, text));
      }
      return f_.any_of(any);
    }
  }
  return f_.truth(false);
}

Sym Symbolic::quantifier(ExprId id, const Expr& e) {
  const Sym over = operand(e, 0);
  const auto with_element = [&](const Sym& element) {
    ++scopes_;
    locals_.resize(std::max<size_t>(locals_.size(), e.payload + 2));
    const auto outer = std::exchange(locals_[e.payload], element);
    Sym value = element;
    value.digest.add("value");
    const auto outer_value = std::exchange(locals_[e.payload + 1], value);
    const Sym body = operand(e, 1);
    locals_[e.payload] = outer;
    locals_[e.payload + 1] = outer_value;
    --scopes_;
    return body;
  };
  Sym element;
  element.ok = element.present = f_.truth(true);
  element.digest.add("element").add(over.digest).add(scopes_);
  if (over.kind == Sym::Kind::Texts && over.texts->kind == Collection::Kind::Constant) {
    std::vector<FormulaId> yeses;
    std::vector<FormulaId> nos;
    Digest d;
    for (const std::string& text : over.texts->constant) {
      element.kind = Sym::Kind::Text;
      element.value = f_.text(text);
      element.digest = Digest().add("constant").add(static_cast<uint64_t>(value::Kind::String)).add(text);
      const Sym body = with_element(element);
      yeses.push_back(f_.both(body.ok, body.value));
      nos.push_back(f_.both(body.ok, f_.negate(body.value)));
      d.add(body.digest);
    }
    const FormulaId yes = e.op == Op::Any ? f_.any_of(yeses) : f_.all_of(yeses);
    const FormulaId no = e.op == Op::Any ? f_.all_of(nos) : f_.any_of(nos);
    Sym out = derived(Sym::Kind::Truth, yes, e.type, {&over});
    out.ok = f_.either(yes, no);
    out.digest = Digest().add(static_cast<uint64_t>(e.op)).add(d);
    return out;
  }
  if (over.kind == Sym::Kind::Texts) {
    const TextVar bound = bound_text(element.digest);
    element.kind = Sym::Kind::Text;
    element.value = f_.variable(bound);
    const uint32_t before = opaque_count_;
    Sym body = with_element(element);
    if (opaque_count_ == before) {
      const FormulaId t = f_.both(body.ok, body.value);
      const FormulaId n = f_.both(body.ok, f_.negate(body.value));
      const FormulaId yes =
          e.op == Op::Any ? some(*over.texts, bound, t) : f_.negate(some(*over.texts, bound, f_.negate(t)));
      const FormulaId no =
          e.op == Op::Any ? f_.negate(some(*over.texts, bound, f_.negate(n))) : some(*over.texts, bound, n);
      Sym out = derived(Sym::Kind::Truth, yes, e.type, {});
      out.ok = f_.both(over.ok, f_.either(yes, no));
      return with_digest(std::move(out), e, {over, body});
    }
    body.ok = f_.truth(true);
    return opaque(id, e, {over, body}, "a condition on elements");
  }
  Sym body = with_element(element);
  body.ok = f_.truth(true);  // whether it works for an element is part of what is not known
  return opaque(id, e, {over, body}, "a condition on elements");
}

// ---- comparisons ----

Sym Symbolic::comparison(ExprId id, const Expr& e) {
  const Sym a = operand(e, 0);
  const Sym b = operand(e, 1);
  const std::optional<FormulaId> value = compare(e.op, a, b);
  if (!value) {
    return opaque(id, e, {a, b}, "this comparison");
  }
  return with_digest(derived(Sym::Kind::Truth, *value, e.type, {&a, &b}), e, {a, b});
}

std::optional<FormulaId> Symbolic::compare(Op op, const Sym& a, const Sym& b) {
  if (op == Op::Eq || op == Op::Ne) {
    const std::optional<FormulaId> equal = maybe_equal(a, b);
    if (!equal) {
      return std::nullopt;
    }
    return op == Op::Eq ? *equal : f_.negate(*equal);
  }
  if (a.measures || b.measures) {
    return compare_length(op, a, b);
  }
  if (a.kind == Sym::Kind::Text && b.kind == Sym::Kind::Text) {
    return order_text(op, a, b);
  }
  if (a.kind != Sym::Kind::Number || b.kind != Sym::Kind::Number) {
    return std::nullopt;
  }
  switch (op) {
    case Op::Lt:
      return f_.compare(FormulaOp::Less, a.value, b.value);
    case Op::Le:
      return f_.compare(FormulaOp::LessEq, a.value, b.value);
    case Op::Gt:
      return f_.compare(FormulaOp::Less, b.value, a.value);
    default:
      return f_.compare(FormulaOp::LessEq, b.value, a.value);
  }
}

std::optional<FormulaId> Symbolic::maybe_equal(const Sym& a, const Sym& b) {
  const FormulaId both_present = f_.both(a.present, b.present);
  const FormulaId both_absent = f_.both(f_.negate(a.present), f_.negate(b.present));
  const auto wrap = [&](FormulaId same) { return f_.either(both_absent, f_.both(both_present, same)); };
  if (a.measures || b.measures) {
    const std::optional<FormulaId> low = compare_length(Op::Le, a, b);
    const std::optional<FormulaId> high = compare_length(Op::Ge, a, b);
    return low && high ? std::optional(wrap(f_.both(*low, *high))) : std::nullopt;
  }
  if (a.kind == Sym::Kind::Truth && b.kind == Sym::Kind::Truth) {
    return wrap(f_.same_truth(a.value, b.value));
  }
  if (a.kind == Sym::Kind::Number && b.kind == Sym::Kind::Number) {
    return wrap(f_.compare(FormulaOp::NumEq, a.value, b.value));
  }
  if (a.kind == Sym::Kind::Text && b.kind == Sym::Kind::Text) {
    if (b.constant != nullptr) {
      return wrap(in_literals(a, {std::string(b.constant->text())}));
    }
    if (a.constant != nullptr) {
      return wrap(in_literals(b, {std::string(a.constant->text())}));
    }
    const std::optional<FormulaId> left = plain_text(a);
    const std::optional<FormulaId> right = plain_text(b);
    return left && right ? std::optional(wrap(f_.text_equal(*left, *right))) : std::nullopt;
  }
  if (a.digest == b.digest && a.kind != Sym::Kind::Opaque) {
    return f_.truth(true);
  }
  return std::nullopt;
}

FormulaId Symbolic::equal(const Sym& a, const Sym& b) {
  if (a.digest == b.digest) {
    return f_.truth(true);
  }
  if (const std::optional<FormulaId> same = maybe_equal(a, b)) {
    return *same;
  }
  Digest d;
  d.add("equal").add(a.digest).add(b.digest);
  const std::string name = "?" + d.text();
  world_.opaque.emplace(d.text(), Opaque{&module_, {}, "the comparison of two values"});
  return f_.variable(world_.truth(name));
}

std::optional<FormulaId> Symbolic::order_text(Op op, const Sym& a, const Sym& b) {
  const bool left = b.constant != nullptr;
  if (left == (a.constant != nullptr)) {
    return std::nullopt;
  }
  const Sym& subject = left ? a : b;
  const std::string bound((left ? b : a).constant->text());
  const bool below = left ? (op == Op::Lt || op == Op::Le) : (op == Op::Gt || op == Op::Ge);
  // `subject < bound` and `subject <= bound` are the sets; the others are their complements.
  const bool inclusive = left ? (op == Op::Le || op == Op::Gt) : (op == Op::Ge || op == Op::Lt);
  const std::string key = (inclusive ? "<=" : "<") + bound;
  const std::optional<FormulaId> in =
      in_set(subject, key,
             bound.size() > 1000
                 ? std::nullopt
                 : std::optional(before_automaton(bound, inclusive ? Bound::Inclusive : Bound::Exclusive)));
  if (!in) {
    return std::nullopt;
  }
  return below ? *in : f_.negate(*in);
}

/// length(text) against a constant.
std::optional<FormulaId> Symbolic::compare_length(Op op, const Sym& a, const Sym& b) {
  constexpr int64_t kLengthMax = 300;
  const bool left = a.measures;
  const Sym& bound = left ? b : a;
  if (bound.constant == nullptr || bound.constant->kind != value::Kind::Int) {
    return std::nullopt;
  }
  const int64_t n = bound.constant->a.integer;
  if (!left) {
    switch (op) {
      case Op::Lt:
        op = Op::Gt;
        break;
      case Op::Le:
        op = Op::Ge;
        break;
      case Op::Gt:
        op = Op::Lt;
        break;
      default:
        op = Op::Le;
        break;
    }
  }
  // length >= least, or not
  const int64_t least = op == Op::Ge || op == Op::Lt ? n : n + 1;
  const bool at_least = op == Op::Ge || op == Op::Gt;
  if (least > kLengthMax) {
    return std::nullopt;
  }
  if (least <= 0) {
    return f_.truth(at_least);
  }
  Sym subject = left ? a : b;
  subject.kind = Sym::Kind::Text;
  const auto in =
      in_set(subject, "length>=" + std::to_string(least), length_automaton(static_cast<uint32_t>(least)));
  if (!in) {
    return std::nullopt;
  }
  return at_least ? *in : f_.negate(*in);
}

}  // namespace catalyst::analysis
