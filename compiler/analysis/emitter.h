#pragma once

#include <z3++.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/analysis/scope_of.h"
#include "compiler/analysis/solver.h"
#include "runtime/base/budget.h"

namespace catalyst::analysis {

/// Texts that represent a class, at most; beyond that nothing is called proved.
inline constexpr uint32_t kCopiesMax = 12;

/// Formulas of one question as Z3 expressions.
class Emitter {
 public:
  Emitter(z3::context& context, const World& world, FormulaScope& scope)
      : z_(context), world_(world), f_(world.formulas), scope_(scope), groups_(scope.groups()) {
    for (FormulaScope::Group& group : groups_) {
      divide(group);
    }
  }

  [[nodiscard]] bool complete() const { return complete_; }
  /// Formulas that were emitted.
  [[nodiscard]] size_t size() const { return memo_.size(); }

  z3::expr truth(FormulaId id) {
    const auto found = memo_.find(id.index);
    if (found != memo_.end() && binding_.empty()) {
      return found->second;
    }
    z3::expr out = make(f_.get(id));
    if (binding_.empty()) {
      memo_.emplace(id.index, out);
    }
    return out;
  }

  z3::expr truth(BoolVar v) { return truth_var(v); }

  /// What holds of every variable, whatever is asked.
  void add_axioms(z3::solver& solver) {
    for (const TextVar v : scope_.texts) {
      if (!scope_.bound.contains(v)) {
        const z3::expr x = text_var(v);
        solver.add(x >= 0 && x < static_cast<int>(values(scope_.group_of(v)).size()));
      }
    }
    for (const NumVar v : scope_.numbers) {
      if (world_.numbers()[v.index].whole && world_.numbers()[v.index].fits_int) {
        solver.add(num_var(v) >= z_.int_val(INT64_MIN) && num_var(v) <= z_.int_val(INT64_MAX));
      }
    }
    for (const NodeId id : scope_.nodes) {
      const z3::expr tag = tag_of(id);
      solver.add(tag >= 0 && tag < static_cast<int>(kTagCount));
      if (const NodeId parent = world_.node(id).parent; parent.valid()) {
        solver.add(z3::implies(tag != static_cast<int>(Tag::Absent),
                               tag_of(parent) == static_cast<int>(Tag::Object)));
      }
    }
    for (const CollVar v : scope_.collections) {
      add_collection(solver, v);
    }
  }

  Model read(const z3::model& model) {
    Model out;
    for (const BoolVar v : scope_.truths) {
      out.truths[v] = model.eval(truth_var(v), true).is_true();
    }
    for (const NumVar v : scope_.numbers) {
      out.numbers[v] = numeral(model.eval(num_var(v), true));
    }
    for (const TextVar v : scope_.texts) {
      if (!scope_.bound.contains(v)) {
        out.texts[v] =
            values(scope_.group_of(v))[static_cast<size_t>(model.eval(text_var(v), true).get_numeral_int())];
      }
    }
    for (const NodeId id : scope_.nodes) {
      out.tags[id] = static_cast<Tag>(model.eval(tag_of(id), true).get_numeral_int());
    }
    for (const CollVar v : scope_.collections) {
      out.collections[v] = elements(model, v);
    }
    return out;
  }

 private:
  /// Of a Budget, for one value of the variable of a quantifier.
  static constexpr uint64_t kInstanceSteps = 100;

  const std::vector<std::string>& values(uint32_t group) const { return partitions_[group].values; }

  void divide(FormulaScope::Group& group) {
    std::vector<TextSet> own;
    own.reserve(group.literals.size());
    std::vector<const TextSet*> sets;
    for (const uint32_t set : group.sets) {
      sets.push_back(&f_.set(set));
    }
    for (const std::string& text : group.literals) {
      own.push_back({{text}, nullptr});
      sets.push_back(&own.back());
    }
    PartitionOptions options;
    if (group.related) {
      // Enough values of a class for every text to have one of its own, and for collections to share or not
      // share elements as they like.
      const uint32_t shares = group.collections < 3 ? (1u << group.collections) : kCopiesMax;
      complete_ = complete_ && group.texts + shares <= kCopiesMax && group.collections < 4;
      options.copies = std::min(kCopiesMax, group.texts + shares);
    }
    partitions_.push_back(partition(sets, options));
    complete_ = complete_ && partitions_.back().complete;
  }

  z3::expr truth_var(BoolVar v) { return z_.bool_const(("b" + std::to_string(v.index)).c_str()); }
  z3::expr num_var(NumVar v) {
    const std::string name = "n" + std::to_string(v.index);
    return world_.numbers()[v.index].whole ? z_.int_const(name.c_str()) : z_.real_const(name.c_str());
  }
  z3::expr text_var(TextVar v) { return z_.int_const(("t" + std::to_string(v.index)).c_str()); }
  z3::expr tag_of(NodeId node) { return z_.int_const(("k" + std::to_string(node.index)).c_str()); }
  z3::expr member_var(CollVar v, size_t value) {
    return z_.bool_const(("m" + std::to_string(v.index) + "_" + std::to_string(value)).c_str());
  }
  z3::expr size_var(CollVar v) { return z_.int_const(("s" + std::to_string(v.index)).c_str()); }

  std::optional<int> index_of(uint32_t group, const std::string& text) const {
    const std::vector<std::string>& all = values(group);
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i] == text) {
        return static_cast<int>(i);
      }
    }
    return std::nullopt;
  }

  void add_collection(z3::solver& solver, CollVar v) {
    const uint32_t group = scope_.group_of(v);
    const uint32_t allowed = world_.collections()[v.index].elements;
    z3::expr count = z_.int_val(0);
    z3::expr more = z_.bool_val(false);
    for (size_t i = 0; i < values(group).size(); ++i) {
      const z3::expr member = member_var(v, i);
      if (allowed != UINT32_MAX && !f_.set(allowed).holds(values(group)[i])) {
        solver.add(!member);
      }
      count = count + z3::ite(member, z_.int_val(1), z_.int_val(0));
      // A list may repeat what it holds; a set may hold more texts of a class than are told apart here.
      if (!world_.collections()[v.index].is_set || partitions_[group].unbounded[i]) {
        more = more || member;
      }
    }
    solver.add(size_var(v) >= count && z3::implies(size_var(v) > count, more));
  }

  std::vector<std::string> elements(const z3::model& model, CollVar v) {
    std::vector<std::string> out;
    const uint32_t group = scope_.group_of(v);
    size_t extra = SIZE_MAX;
    for (size_t i = 0; i < values(group).size(); ++i) {
      if (model.eval(member_var(v, i), true).is_true()) {
        out.push_back(values(group)[i]);
        extra = !world_.collections()[v.index].is_set || partitions_[group].unbounded[i] ? i : extra;
      }
    }
    constexpr int kShown = 10'000;
    int size = 0;
    if (!Z3_get_numeral_int(z_, model.eval(size_var(v), true), &size)) {
      size = kShown;
    }
    for (int i = static_cast<int>(out.size()); i < std::min(size, kShown) && extra != SIZE_MAX; ++i) {
      const std::string& base = values(group)[extra];
      out.push_back(world_.collections()[v.index].is_set ? base + std::to_string(i) : base);
    }
    return out;
  }

  static std::string numeral(const z3::expr& value) {
    return value.is_int() ? value.get_decimal_string(0) : value.get_decimal_string(28);
  }

  z3::expr make(const Formula& f) {
    switch (f.op) {
      case FormulaOp::True:
      case FormulaOp::False:
        return z_.bool_val(f.op == FormulaOp::True);
      case FormulaOp::BoolVar:
        return truth_var(BoolVar(f.a));
      case FormulaOp::Not:
        return !truth(FormulaId(f.a));
      case FormulaOp::And:
        return truth(FormulaId(f.a)) && truth(FormulaId(f.b));
      case FormulaOp::Or:
        return truth(FormulaId(f.a)) || truth(FormulaId(f.b));
      case FormulaOp::TagIs:
        return tag_of(NodeId(f.a)) == static_cast<int>(f.b);
      case FormulaOp::Readable:
        return readable(NodeId(f.a));
      case FormulaOp::TextIn:
        return text_in(FormulaId(f.a), f_.set(f.b));
      case FormulaOp::TextEq: {
        const uint32_t group = group_of(FormulaId(f.a), FormulaId(f.b));
        return text(FormulaId(f.a), group) == text(FormulaId(f.b), group);
      }
      case FormulaOp::Less:
        return truth(FormulaId(f.a)) < truth(FormulaId(f.b));
      case FormulaOp::LessEq:
        return truth(FormulaId(f.a)) <= truth(FormulaId(f.b));
      case FormulaOp::NumEq:
        return truth(FormulaId(f.a)) == truth(FormulaId(f.b));
      case FormulaOp::IsInt: {
        const z3::expr x = truth(FormulaId(f.a));
        return x.is_int() ? z_.bool_val(true) : z3::is_int(x);
      }
      case FormulaOp::Member:
        return member(CollVar(f.a), FormulaId(f.b));
      case FormulaOp::SomeOf:
        return some_of(CollVar(f.a), TextVar(f.b), FormulaId(f.c));
      default:
        return number(f);
    }
  }

  z3::expr number(const Formula& f) {
    const auto part = [&](uint32_t id) { return truth(FormulaId(id)); };
    switch (f.op) {
      case FormulaOp::Number: {
        const std::string& numeral = f_.string(f.a);
        return numeral.find('.') == std::string::npos ? z_.int_val(numeral.c_str())
                                                      : z_.real_val(numeral.c_str());
      }
      case FormulaOp::NumVar:
        return num_var(NumVar(f.a));
      case FormulaOp::Add:
        return part(f.a) + part(f.b);
      case FormulaOp::Sub:
        return part(f.a) - part(f.b);
      case FormulaOp::Mul:
        return part(f.a) * part(f.b);
      case FormulaOp::FloorDiv:
        return whole(part(f.a)) / whole(part(f.b));
      case FormulaOp::FloorMod:
        return z3::mod(whole(part(f.a)), whole(part(f.b)));
      case FormulaOp::Floor:
        return whole(part(f.a));
      case FormulaOp::NumIf: {
        z3::expr a = part(f.b);
        z3::expr b = part(f.c);
        if (a.is_int() != b.is_int()) {
          a = a.is_int() ? z3::to_real(a) : a;
          b = b.is_int() ? z3::to_real(b) : b;
        }
        return z3::ite(part(f.a), a, b);
      }
      case FormulaOp::Size:
        return size_var(CollVar(f.a));
      default:
        return z_.int_val(0);
    }
  }

  z3::expr whole(const z3::expr& x) { return x.is_int() ? x : z3::expr(z_, Z3_mk_real2int(z_, x)); }

  z3::expr readable(NodeId node) {
    z3::expr out = z_.bool_val(true);
    for (const NodeId child : world_.node(node).children) {
      if (scope_.nodes.contains(child)) {
        out = out && tag_of(child) != static_cast<int>(Tag::Repeated) && readable(child);
      }
    }
    return out;
  }

  uint32_t group_of(FormulaId a, FormulaId b = {}) const {
    for (const FormulaId id : {a, b}) {
      if (!id.valid()) {
        continue;
      }
      const Formula& f = f_.get(id);
      if (f.op == FormulaOp::TextVar) {
        return scope_.group_of(TextVar(f.a));
      }
      if (f.op == FormulaOp::TextIf) {
        if (const uint32_t inner = group_of(FormulaId(f.b), FormulaId(f.c)); inner != UINT32_MAX) {
          return inner;
        }
      }
    }
    return UINT32_MAX;
  }

  z3::expr text(FormulaId id, uint32_t group) {
    const Formula& f = f_.get(id);
    if (f.op == FormulaOp::Text) {
      return z_.int_val(index_of(group, f_.string(f.a)).value_or(-1));
    }
    if (f.op == FormulaOp::TextVar) {
      const auto bound = binding_.find(f.a);
      return bound != binding_.end() ? z_.int_val(static_cast<int>(bound->second)) : text_var(TextVar(f.a));
    }
    return z3::ite(truth(FormulaId(f.a)), text(FormulaId(f.b), group), text(FormulaId(f.c), group));
  }

  z3::expr text_in(FormulaId id, const TextSet& set) {
    const uint32_t group = group_of(id);
    const z3::expr x = text(id, group);
    z3::expr out = z_.bool_val(false);
    for (size_t i = 0; i < values(group).size(); ++i) {
      if (set.holds(values(group)[i])) {
        out = out || x == static_cast<int>(i);
      }
    }
    return out;
  }

  z3::expr member(CollVar coll, FormulaId id) {
    const uint32_t group = scope_.group_of(coll);
    const z3::expr x = text(id, group);
    if (x.is_numeral()) {
      const int index = x.get_numeral_int();
      return index < 0 ? z_.bool_val(false) : member_var(coll, static_cast<size_t>(index));
    }
    z3::expr out = z_.bool_val(false);
    for (size_t i = 0; i < values(group).size(); ++i) {
      out = out || (x == static_cast<int>(i) && member_var(coll, i));
    }
    return out;
  }

  z3::expr some_of(CollVar coll, TextVar bound, FormulaId body) {
    z3::expr out = z_.bool_val(false);
    for (size_t i = 0; i < values(scope_.group_of(coll)).size(); ++i) {
      if (!Budget::spend(kInstanceSteps)) {  // quantifiers inside quantifiers multiply
        complete_ = false;
        break;
      }
      binding_[bound.index] = i;
      out = out || (member_var(coll, i) && truth(body));
    }
    binding_.erase(bound.index);
    return out;
  }

  z3::context& z_;
  const World& world_;
  const Formulas& f_;
  FormulaScope& scope_;
  std::vector<FormulaScope::Group> groups_;
  std::vector<Partition> partitions_;
  bool complete_ = true;
  std::unordered_map<uint32_t, z3::expr> memo_;
  std::map<uint32_t, size_t> binding_;  // bound text to the value it stands for
};

}  // namespace catalyst::analysis
