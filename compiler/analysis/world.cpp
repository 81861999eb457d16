#include "compiler/analysis/world.h"

#include <algorithm>

#include "runtime/decision/windows.h"

namespace catalyst::analysis {
namespace {

constexpr int64_t kWindowParts = decision::WindowCounter::kBuckets;

template <class Info>
uint32_t find_or_add(std::unordered_map<std::string, uint32_t>& index, std::vector<Info>& all, Info info) {
  const auto [at, fresh] = index.emplace(info.name, static_cast<uint32_t>(all.size()));
  if (fresh) {
    all.push_back(std::move(info));
  }
  return at->second;
}

}  // namespace

BoolVar World::truth(const std::string& name, Usual usual) {
  return BoolVar(find_or_add(truth_index_, truths_, {name, usual}));
}

NumVar World::number(const std::string& name, bool whole, bool fits_int) {
  return NumVar(find_or_add(number_index_, numbers_, {name, whole, fits_int}));
}

TextVar World::text(const std::string& name) { return TextVar(find_or_add(text_index_, texts_, {name})); }

CollVar World::collection(const std::string& name, bool is_set, uint32_t elements) {
  return CollVar(find_or_add(collection_index_, collections_, {name, is_set, elements}));
}

NumVar World::window(const std::string& digest, const WindowInput& window, const std::string& name) {
  const NumVar value = number("window " + digest, window.whole);
  const auto known = std::find_if(windows_.begin(), windows_.end(),
                                  [&](const WindowInput& other) { return other.value == value; });
  if (known != windows_.end()) {
    known->names.insert(name);
    return value;
  }
  const FormulaId own = formulas.variable(value);
  always.push_back(formulas.compare(FormulaOp::LessEq, formulas.number(0), own));
  if (window.most != 0) {
    always.push_back(formulas.compare(FormulaOp::LessEq, own, formulas.number(window.most)));
  }
  for (const WindowInput& other : windows_) {
    if (other.family != window.family) {
      continue;
    }
    // Who looks back further sees no less, unless it is by so little that the cut of time decides.
    const bool shorter = window.within_us < other.within_us;
    const int64_t least = std::min(window.within_us, other.within_us);
    const int64_t most = std::max(window.within_us, other.within_us);
    if (most - least > least / kWindowParts) {
      const FormulaId there = formulas.variable(other.value);
      always.push_back(shorter ? formulas.compare(FormulaOp::LessEq, own, there)
                               : formulas.compare(FormulaOp::LessEq, there, own));
    }
  }
  windows_.push_back(window);
  windows_.back().value = value;
  windows_.back().names.insert(name);
  return value;
}

NodeId World::add_node(abi::InputRoot root, const std::string& name, NodeId parent) {
  const NodeId id(nodes_.size());
  JsonNode node;
  node.root = root;
  node.name = name;
  node.parent = parent;
  nodes_.push_back(std::move(node));
  const std::string own = path(id);
  JsonNode& made = nodes_.back();
  made.text = text(own);
  made.number = number(own, false);
  made.truth = truth(own);
  made.inexact = truth(own + " has too many digits", Usual::False);
  made.fraction = truth(own + " is written with a point", Usual::False);
  made.odd = truth(own + " has another member twice", Usual::False);
  ordinary.push_back(formulas.negate(formulas.tag_is(id, Tag::Repeated)));
  return id;
}

NodeId World::root(abi::InputRoot root) {
  const auto found = roots_.find(root);
  return found != roots_.end() ? found->second : roots_[root] = add_node(root, "", NodeId());
}

NodeId World::child(NodeId parent, const std::string& name) {
  for (const NodeId each : nodes_[parent.index].children) {
    if (nodes_[each.index].name == name) {
      return each;
    }
  }
  const NodeId id = add_node(nodes_[parent.index].root, name, parent);
  nodes_[parent.index].children.push_back(id);
  return id;
}

std::string World::path(NodeId node) const {
  const JsonNode& n = nodes_[node.index];
  return n.parent.valid() ? path(n.parent) + "." + n.name : std::string(abi::input_root_text(n.root));
}

}  // namespace catalyst::analysis
