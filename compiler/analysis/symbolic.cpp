#include "compiler/analysis/symbolic.h"

#include <atomic>
#include <cstdio>

#include "runtime/value/ops.h"

namespace catalyst::analysis {

using ir::Op;

Digest& Digest::add(uint64_t word) {
  high = (high ^ word) * 0x9e3779b97f4a7c15u;
  high ^= high >> 29;
  low = (low + word) * 0xff51afd7ed558ccdu + high;
  low ^= low >> 33;
  return *this;
}

Digest& Digest::add(std::string_view text) {
  add(text.size());
  for (size_t at = 0; at < text.size(); at += 8) {
    uint64_t word = 0;
    for (size_t i = at; i < std::min(text.size(), at + 8); ++i) {
      word = word << 8 | static_cast<uint8_t>(text[i]);
    }
    add(word);
  }
  return *this;
}

Digest& Digest::add(const Digest& other) { return add(other.high).add(other.low); }

std::string Digest::text() const {
  char out[33];
  std::snprintf(out, sizeof out, "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  return out;
}

std::optional<std::vector<std::string>> texts_of(const value::Value& list) {
  if (list.kind != value::Kind::List) {
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (uint32_t i = 0; i < list.length; ++i) {
    if (list.a.items[i].kind != value::Kind::String) {
      return std::nullopt;
    }
    out.emplace_back(list.a.items[i].text());
  }
  return out;
}

Symbolic::Symbolic(World& world, const ir::Module& module)
    : world_(world), f_(world.formulas), module_(module), memo_(module.exprs.size()) {}

Symbolic::Condition Symbolic::condition(ExprId id) {
  if (!id.valid()) {
    return {f_.truth(true), f_.truth(false)};
  }
  const Sym s = value(id);
  return {f_.both(s.ok, s.value), f_.both(s.ok, f_.negate(s.value))};
}

Sym Symbolic::value(ExprId id) {
  steps_ = 0;
  locals_.clear();
  scopes_ = 0;
  return eval(id);
}

Digest Symbolic::digest(ExprId id) { return id.valid() ? value(id).digest : Digest{}; }

Sym Symbolic::eval(ExprId id) {
  if (scopes_ == 0 && memo_[id.index]) {
    return *memo_[id.index];
  }
  const Expr& e = module_.expr(id);
  Sym out;
  if (++steps_ > kMaxSteps) {
    static std::atomic<uint64_t> unlike{0};  // nothing is known of it, so it is equal to nothing, ever
    Digest own;
    own.add("unlike").add(++unlike);
    out = free_value(e.type, own);
    world_.opaque.emplace(own.text(), Opaque{&module_, module_.expr_spans[id.index],
                                             "more than " + std::to_string(kMaxSteps) + " steps"});
  } else {
    out = dispatch(id, e);
  }
  if (scopes_ == 0) {
    memo_[id.index] = out;
  }
  return out;
}

Sym Symbolic::apart(ExprId id) {
  const uint32_t scopes = std::exchange(scopes_, 0);
  auto locals = std::exchange(locals_, {});
  Sym out = eval(id);
  locals_ = std::move(locals);
  scopes_ = scopes;
  return out;
}

Sym Symbolic::derived(Sym::Kind kind, FormulaId value, ir::TypeId type,
                      std::initializer_list<const Sym*> from) {
  Sym out;
  out.kind = kind;
  out.value = value;
  out.type = module_.types.strip_optional(type);
  out.ok = out.present = f_.truth(true);
  for (const Sym* s : from) {
    out.ok = f_.both(out.ok, s->ok);
  }
  return out;
}

Sym Symbolic::with_digest(Sym s, const Expr& e, const std::vector<Sym>& operands) {
  s.digest = expression_digest(e, operands);
  return s;
}

Sym Symbolic::dispatch(ExprId id, const Expr& e) {
  switch (e.op) {
    case Op::Const:
      return constant(module_.consts[e.payload], e.type);
    case Op::Slot: {
      const abi::InputRoot root = module_.slots[e.payload].root;
      if (root == abi::InputRoot::Params || root == abi::InputRoot::Argument) {
        return opaque(id, e, {}, "an input of this hook");
      }
      if (root == abi::InputRoot::Window) {
        return window(id, e);
      }
      return slot(module_.slots[e.payload]);
    }
    case Op::Local:
      return e.payload < locals_.size() && locals_[e.payload] ? *locals_[e.payload]
                                                              : opaque(id, e, {}, "a variable");
    case Op::Fact:
      return apart(module_.facts[e.payload].value);
    case Op::CallFn:
      return call(id, e);
    case Op::Not: {
      const Sym x = operand(e, 0);
      return with_digest(derived(Sym::Kind::Truth, f_.negate(x.value), e.type, {&x}), e, {x});
    }
    case Op::And:
    case Op::Or:
      return connective(e);
    case Op::If:
      return choice(id, e);
    case Op::Coalesce:
      return coalesce(id, e);
    case Op::IsPresent: {
      const Sym x = operand(e, 0);
      return with_digest(derived(Sym::Kind::Truth, x.present, e.type, {&x}), e, {x});
    }
    case Op::Some: {
      Sym x = operand(e, 0);
      x.present = f_.truth(true);
      return x;
    }
    case Op::Unwrap: {
      Sym x = operand(e, 0);
      x.ok = f_.both(x.ok, x.present);
      x.present = f_.truth(true);
      return x;
    }
    case Op::Neg:
    case Op::Add:
    case Op::Sub:
    case Op::Mul:
    case Op::Div:
    case Op::Rem:
    case Op::IntToDecimal:
    case Op::IntToFloat:
    case Op::DecimalToFloat:
      return arithmetic(id, e);
    case Op::Eq:
    case Op::Ne:
    case Op::Lt:
    case Op::Le:
    case Op::Gt:
    case Op::Ge:
      return comparison(id, e);
    case Op::StartsWith:
    case Op::EndsWith:
    case Op::StringContains:
    case Op::Glob:
    case Op::Regex:
      return pattern(id, e);
    case Op::Has:
    case Op::IpInside:
    case Op::SubsetOf:
    case Op::Intersects:
    case Op::Union:
    case Op::Intersect:
    case Op::Except:
      return membership(id, e);
    case Op::Field: {
      const Sym x = operand(e, 0);
      return field(id, e, x, std::string(module_.consts[e.payload].text()));
    }
    case Op::Index: {
      const Sym x = operand(e, 0);
      const Sym at = operand(e, 1);
      if (x.kind == Sym::Kind::Node && at.constant != nullptr && at.constant->kind == value::Kind::String) {
        return field(id, e, x, std::string(at.constant->text()));
      }
      return opaque(id, e, {x, at}, "an element by its index");
    }
    case Op::Cast:
      return cast(id, e);
    case Op::Any:
    case Op::All:
      return quantifier(id, e);
    case Op::Builtin:
      return builtin(id, e);
    case Op::Switch:
      return select(id, e);
    case Op::FirstTrue:
      return first_true(e);
    case Op::Lookup:
    case Op::LookupAll:
    case Op::Interpolate:
    case Op::MakeList:
    case Op::MakeMap: {
      std::vector<Sym> operands;
      for (uint32_t i = 0; i < e.operand_count; ++i) {
        operands.push_back(operand(e, i));
      }
      const bool makes = e.op == Op::MakeList || e.op == Op::MakeMap;
      return opaque(id, e, operands,
                    e.op == Op::Interpolate ? "an interpolated text"
                    : makes                 ? "a list or record that is made"
                                            : "a decision table");
    }
    case Op::Comprehend: {
      // What it holds depends on its variable; the digest of the whole stands for all of it.
      const Sym collection = operand(e, 0);
      ++scopes_;
      const size_t locals = locals_.size();
      locals_.resize(std::max<size_t>(locals, e.payload + 2));
      Sym element;
      element.ok = element.present = f_.truth(true);
      element.digest.add("element").add(collection.digest).add(scopes_);
      const auto outer = std::exchange(locals_[e.payload], element);
      element.digest.add("value");
      const auto outer_value = std::exchange(locals_[e.payload + 1], element);
      std::vector<Sym> operands = {collection, operand(e, 1), operand(e, 2)};
      // Whether it works for an element is part of what is not known: there may be none.
      operands[1].ok = operands[2].ok = f_.truth(true);
      locals_[e.payload] = outer;
      locals_[e.payload + 1] = outer_value;
      --scopes_;
      return opaque(id, e, operands, "a comprehension");
    }
  }
  return opaque(id, e, {}, "an instruction");
}

Digest Symbolic::expression_digest(const Expr& e, const std::vector<Sym>& operands) {
  Digest d;
  d.add(static_cast<uint64_t>(e.op));
  digest_type(d, e.type);
  switch (e.op) {
    case Op::Field:
    case Op::Glob:
      d.add(module_.consts[e.payload].text());
      break;
    case Op::Regex:
      d.add(module_.regexes[e.payload]);
      break;
    case Op::Slot: {
      const ir::Slot& slot = module_.slots[e.payload];
      d.add(abi::input_root_text(slot.root)).add(slot.path.size());
      for (const std::string& step : slot.path) {
        d.add(step);
      }
      digest_type(d, slot.type);
      break;
    }
    case Op::Lookup:
    case Op::LookupAll:
      digest_table(d, module_.tables[e.payload]);
      break;
    case Op::Builtin:
    case Op::Local:
      d.add(e.payload);
      break;
    default:
      break;
  }
  for (const Sym& s : operands) {
    d.add(s.digest);
  }
  return d;
}

void Symbolic::digest_table(Digest& d, const ir::Table& table) {
  const auto constant_text = [&](ir::ConstId id) {
    std::string text = "-";
    if (id.valid()) {
      text = std::to_string(static_cast<int>(module_.consts[id.index].kind));
      value::append_json(text, module_.consts[id.index]);
    }
    return text;
  };
  d.add(table.row_count);
  for (const ir::TableColumn& column : table.columns) {
    digest_type(d, column.type);
    for (const uint32_t row : column.rows) {
      d.add(row);
    }
    for (const ir::TableCell& cell : column.cells) {
      d.add("cell").add(uint64_t{cell.absent} * 2 + cell.negated);
      for (const ir::TableTest& test : cell.tests) {
        d.add(static_cast<uint64_t>(test.kind)).add(constant_text(test.low)).add(constant_text(test.high));
        d.add(uint64_t{test.low_included} * 2 + test.high_included);
      }
    }
  }
}

void Symbolic::digest_type(Digest& d, ir::TypeId type) {
  const types::Type& t = module_.types.get(type);
  d.add(static_cast<uint64_t>(t.kind));
  for (const std::string& member : t.members) {
    d.add(member);
  }
  for (const types::Field& field : t.fields) {
    d.add(field.name);
    digest_type(d, field.type);
  }
  if (t.element.valid()) {
    digest_type(d, t.element);
  }
}

}  // namespace catalyst::analysis
