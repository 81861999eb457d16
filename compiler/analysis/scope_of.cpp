#include "compiler/analysis/scope_of.h"

namespace catalyst::analysis {

uint64_t FormulaScope::find(uint64_t key) const {
  auto at = up_.find(key);
  if (at == up_.end() || at->second == key) {
    return key;
  }
  const uint64_t root = find(at->second);
  up_[key] = root;
  return root;
}

void FormulaScope::join(uint64_t a, uint64_t b) {
  a = find(a);
  b = find(b);
  if (a != b) {
    up_[a] = b;
  }
}

void FormulaScope::add_node(NodeId node) {
  for (; node.valid() && nodes.insert(node).second; node = world_.node(node).parent) {
  }
}

/// The variables and literals that a text may be.
void FormulaScope::add_text(FormulaId text, std::vector<uint64_t>& keys, std::vector<std::string>& literals) {
  const Formula& f = world_.formulas.get(text);
  if (f.op == FormulaOp::Text) {
    literals.push_back(world_.formulas.string(f.a));
  } else if (f.op == FormulaOp::TextVar) {
    texts.insert(TextVar(f.a));
    up_.emplace(text_key(TextVar(f.a)), text_key(TextVar(f.a)));
    keys.push_back(text_key(TextVar(f.a)));
  } else {
    add(FormulaId(f.a));
    add_text(FormulaId(f.b), keys, literals);
    add_text(FormulaId(f.c), keys, literals);
  }
}

void FormulaScope::relate(const std::vector<uint64_t>& keys, const std::vector<std::string>& literals,
                          bool related) {
  if (keys.empty()) {
    return;
  }
  for (const uint64_t key : keys) {
    join(keys.front(), key);
  }
  literals_[keys.front()].insert(literals.begin(), literals.end());
  if (related) {
    related_.insert(keys.front());
  }
}

void FormulaScope::add_leaf(const Formula& f) {
  std::vector<uint64_t> keys;
  std::vector<std::string> literals;
  switch (f.op) {
    case FormulaOp::BoolVar:
      truths.insert(BoolVar(f.a));
      break;
    case FormulaOp::TagIs:
      add_node(NodeId(f.a));
      break;
    case FormulaOp::Readable:
      add_node(NodeId(f.a));
      break;
    case FormulaOp::NumVar:
      numbers.insert(NumVar(f.a));
      break;
    case FormulaOp::TextIn:
      add_text(FormulaId(f.a), keys, literals);
      relate(keys, literals, false);
      if (!keys.empty()) {
        sets_[keys.front()].insert(f.b);
      }
      break;
    case FormulaOp::TextEq:
      add_text(FormulaId(f.a), keys, literals);
      add_text(FormulaId(f.b), keys, literals);
      relate(keys, literals, true);
      break;
    case FormulaOp::Member: {
      add_text(FormulaId(f.b), keys, literals);
      const bool variable = !keys.empty();
      keys.push_back(coll_key(CollVar(f.a)));
      up_.emplace(keys.back(), keys.back());
      collections.insert(CollVar(f.a));
      relate(keys, literals, variable);
      break;
    }
    case FormulaOp::SomeOf:
      bound.insert(TextVar(f.b));
      texts.insert(TextVar(f.b));
      collections.insert(CollVar(f.a));
      keys = {text_key(TextVar(f.b)), coll_key(CollVar(f.a))};
      for (const uint64_t key : keys) {
        up_.emplace(key, key);
      }
      relate(keys, {}, false);
      break;
    case FormulaOp::Size:
      collections.insert(CollVar(f.a));
      up_.emplace(coll_key(CollVar(f.a)), coll_key(CollVar(f.a)));
      break;
    default:
      break;
  }
}

void FormulaScope::add(FormulaId formula) {
  std::vector<FormulaId> open = {formula};
  while (!open.empty()) {
    const FormulaId id = open.back();
    open.pop_back();
    if (seen_.size() <= id.index) {
      seen_.resize(world_.formulas.size());
    }
    if (seen_[id.index]) {
      continue;
    }
    seen_[id.index] = true;
    const Formula f = world_.formulas.get(id);
    add_leaf(f);
    const uint32_t parts = formula_parts(f.op);
    if (f.op == FormulaOp::TextIn || f.op == FormulaOp::TextEq || f.op == FormulaOp::Member) {
      continue;
    }
    for (const auto& [bit, part] : {std::pair{1u, f.a}, std::pair{2u, f.b}, std::pair{4u, f.c}}) {
      if ((parts & bit) != 0) {
        open.emplace_back(part);
      }
    }
  }
}

std::vector<FormulaScope::Group> FormulaScope::groups() {
  std::vector<Group> out;
  const auto at = [&](uint64_t key) -> Group& {
    const auto [found, fresh] = number_.emplace(find(key), static_cast<uint32_t>(out.size()));
    if (fresh) {
      out.emplace_back();
    }
    return out[found->second];
  };
  for (const TextVar v : texts) {
    ++at(text_key(v)).texts;
  }
  for (const CollVar v : collections) {
    Group& group = at(coll_key(v));
    ++group.collections;
    if (world_.collections()[v.index].elements != UINT32_MAX) {
      group.sets.insert(world_.collections()[v.index].elements);
    }
  }
  for (const auto& [key, sets] : sets_) {
    at(key).sets.insert(sets.begin(), sets.end());
  }
  for (const auto& [key, literals] : literals_) {
    at(key).literals.insert(literals.begin(), literals.end());
  }
  for (const uint64_t key : related_) {
    at(key).related = true;
  }
  return out;
}

}  // namespace catalyst::analysis
