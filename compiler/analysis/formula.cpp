#include "compiler/analysis/formula.h"

#include <algorithm>

namespace catalyst::analysis {

size_t Formulas::Hash::operator()(const Formula& f) const {
  uint64_t h = static_cast<uint64_t>(f.op) + 0x9e3779b97f4a7c15u;
  for (const uint32_t part : {f.a, f.b, f.c}) {
    h = (h ^ part) * 0xff51afd7ed558ccdu;
    h ^= h >> 32;
  }
  return h;
}

Formulas::Formulas() {
  make({FormulaOp::False});
  make({FormulaOp::True});
}

FormulaId Formulas::make(Formula f) {
  const auto [at, fresh] = index_.emplace(f, static_cast<uint32_t>(nodes_.size()));
  if (fresh) {
    const uint32_t parts = formula_parts(f.op);
    uint32_t depth = 0;
    for (const auto& [bit, part] : {std::pair{1U, f.a}, std::pair{2U, f.b}, std::pair{4U, f.c}}) {
      depth = (parts & bit) != 0 ? std::max(depth, depths_[part]) : depth;
    }
    nodes_.push_back(f);
    depths_.push_back(depth + 1);
  }
  return FormulaId(at->second);
}

uint32_t Formulas::intern(std::string_view text) {
  const auto [at, fresh] = string_index_.emplace(std::string(text), static_cast<uint32_t>(strings_.size()));
  if (fresh) {
    strings_.emplace_back(text);
  }
  return at->second;
}

FormulaId Formulas::negate(FormulaId a) {
  if (is_true(a) || is_false(a)) {
    return truth(is_false(a));
  }
  const Formula& f = get(a);
  return f.op == FormulaOp::Not ? FormulaId(f.a) : make({FormulaOp::Not, a.index});
}

FormulaId Formulas::both(FormulaId a, FormulaId b) {
  if (is_false(a) || is_true(b) || a == b) {
    return a;
  }
  if (is_true(a) || is_false(b)) {
    return b;
  }
  if (a == negate(b)) {
    return truth(false);
  }
  return make({FormulaOp::And, std::min(a.index, b.index), std::max(a.index, b.index)});
}

FormulaId Formulas::all_of(std::span<const FormulaId> parts) {
  if (parts.size() < 2) {
    return parts.empty() ? truth(true) : parts.front();
  }
  const size_t half = parts.size() / 2;
  const FormulaId first = all_of(parts.first(half));
  return both(first, all_of(parts.subspan(half)));
}

FormulaId Formulas::any_of(std::span<const FormulaId> parts) {
  if (parts.size() < 2) {
    return parts.empty() ? truth(false) : parts.front();
  }
  const size_t half = parts.size() / 2;
  const FormulaId first = any_of(parts.first(half));
  return either(first, any_of(parts.subspan(half)));
}

FormulaId Formulas::either(FormulaId a, FormulaId b) {
  if (is_true(a) || is_false(b) || a == b) {
    return a;
  }
  if (is_false(a) || is_true(b)) {
    return b;
  }
  if (a == negate(b)) {
    return truth(true);
  }
  return make({FormulaOp::Or, std::min(a.index, b.index), std::max(a.index, b.index)});
}

FormulaId Formulas::choose_value(FormulaOp op, FormulaId c, FormulaId a, FormulaId b) {
  if (is_true(c) || a == b) {
    return a;
  }
  return is_false(c) ? b : make({op, c.index, a.index, b.index});
}

FormulaId Formulas::compare(FormulaOp op, FormulaId a, FormulaId b) {
  if (a == b) {
    return truth(op != FormulaOp::Less);
  }
  return make({op, a.index, b.index});
}

FormulaId Formulas::text_equal(FormulaId a, FormulaId b) {
  if (a == b) {
    return truth(true);
  }
  if (get(a).op == FormulaOp::Text && get(b).op == FormulaOp::Text) {
    return truth(false);
  }
  if (get(a).op == FormulaOp::Text) {
    std::swap(a, b);
  }
  if (get(b).op == FormulaOp::Text) {
    return text_in(a, {string(get(b).a)});
  }
  return make({FormulaOp::TextEq, std::min(a.index, b.index), std::max(a.index, b.index)});
}

FormulaId Formulas::text_in(FormulaId text, uint32_t set) {
  const Formula f = get(text);
  if (f.op == FormulaOp::Text) {
    return truth(sets_[set]->holds(strings_[f.a]));
  }
  if (f.op == FormulaOp::TextIf) {
    return choose(FormulaId(f.a), text_in(FormulaId(f.b), set), text_in(FormulaId(f.c), set));
  }
  if (sets_[set]->automaton == nullptr && sets_[set]->literals.empty()) {
    return truth(false);
  }
  return make({FormulaOp::TextIn, text.index, set});
}

FormulaId Formulas::text_in(FormulaId text, std::vector<std::string> literals) {
  return text_in(text, literal_set(std::move(literals)));
}

uint32_t Formulas::literal_set(std::vector<std::string> literals) {
  std::sort(literals.begin(), literals.end());
  literals.erase(std::unique(literals.begin(), literals.end()), literals.end());
  std::string key = "=";
  for (const std::string& text : literals) {
    key += std::to_string(text.size()) + ":" + text;
  }
  const auto [at, fresh] = set_index_.emplace(std::move(key), static_cast<uint32_t>(sets_.size()));
  if (fresh) {
    sets_.push_back(std::make_unique<TextSet>(TextSet{std::move(literals), nullptr}));
  }
  return at->second;
}

uint32_t Formulas::automaton_set(const std::string& key, Automaton automaton) {
  const auto [at, fresh] = set_index_.emplace(key, static_cast<uint32_t>(sets_.size()));
  if (fresh) {
    sets_.push_back(
        std::make_unique<TextSet>(TextSet{{}, std::make_shared<const Automaton>(std::move(automaton))}));
  }
  return at->second;
}

uint32_t Formulas::find_set(const std::string& key) const {
  const auto found = set_index_.find(key);
  return found == set_index_.end() ? UINT32_MAX : found->second;
}

uint32_t formula_parts(FormulaOp op) {
  switch (op) {
    case FormulaOp::True:
    case FormulaOp::False:
    case FormulaOp::BoolVar:
    case FormulaOp::TagIs:
    case FormulaOp::Readable:
    case FormulaOp::Number:
    case FormulaOp::NumVar:
    case FormulaOp::Size:
    case FormulaOp::Text:
    case FormulaOp::TextVar:
      return 0;
    case FormulaOp::Not:
    case FormulaOp::TextIn:
    case FormulaOp::IsInt:
    case FormulaOp::Floor:
      return 1;
    case FormulaOp::Member:
      return 2;
    case FormulaOp::And:
    case FormulaOp::Or:
    case FormulaOp::TextEq:
    case FormulaOp::Less:
    case FormulaOp::LessEq:
    case FormulaOp::NumEq:
    case FormulaOp::Add:
    case FormulaOp::Sub:
    case FormulaOp::Mul:
    case FormulaOp::FloorDiv:
    case FormulaOp::FloorMod:
      return 3;
    case FormulaOp::SomeOf:
      return 4;
    case FormulaOp::NumIf:
    case FormulaOp::TextIf:
      return 7;
  }
  return 0;
}

FormulaId Formulas::substitute(FormulaId body, TextVar bound, std::string_view value) {
  const Formula f = get(body);
  if (f.op == FormulaOp::TextVar) {
    return f.a == bound.index ? text(value) : body;
  }
  const uint32_t parts = formula_parts(f.op);
  const auto part = [&](uint32_t bit, uint32_t id) {
    return (parts & bit) != 0 ? substitute(FormulaId(id), bound, value) : FormulaId(id);
  };
  const FormulaId a = part(1, f.a);
  const FormulaId b = part(2, f.b);
  const FormulaId c = part(4, f.c);
  switch (f.op) {
    case FormulaOp::Not:
      return negate(a);
    case FormulaOp::And:
      return both(a, b);
    case FormulaOp::Or:
      return either(a, b);
    case FormulaOp::TextIn:
      return text_in(a, f.b);
    case FormulaOp::TextEq:
      return text_equal(a, b);
    case FormulaOp::NumIf:
    case FormulaOp::TextIf:
      return choose_value(f.op, a, b, c);
    default:
      return parts == 0 ? body : make({f.op, a.index, b.index, c.index});
  }
}

FormulaId Formulas::some_of(CollVar coll, TextVar bound, FormulaId body) {
  return is_false(body) ? body : make({FormulaOp::SomeOf, coll.index, bound.index, body.index});
}

}  // namespace catalyst::analysis
