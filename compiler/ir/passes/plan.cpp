#include "compiler/ir/passes/plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>

#include "compiler/ir/passes/atom_cost.h"
#include "compiler/ir/passes/planned_rule.h"
#include "compiler/ir/passes/slot_use.h"

namespace catalyst::ir {

namespace {

using abi::Atom;
using OnAbsent = abi::Atom::OnAbsent;

constexpr size_t kAnchorValuesMax = 16;  // a rule stands in one bucket per value of its anchor
constexpr size_t kPartsMax = 64;         // looked for ahead in one input, whichever rules a request asks
constexpr size_t kAtomsMax = 60'000;     // of one rule; RuleHead counts in 16 bits

class Planner {
 public:
  Planner(const Module& module, abi::Unit& unit) : module_(module), unit_(unit) {}

  void run() {
    symbol_names_.resize(2);
    for (size_t hook = 0; hook < abi::kHookCount; ++hook) {
      rank_rules(static_cast<abi::Hook>(hook));
    }
    drop_crowded_parts();
    build_features();
    for (size_t hook = 0; hook < abi::kHookCount; ++hook) {
      build_hook(static_cast<abi::Hook>(hook), planned_[hook]);
    }
  }

 private:
  static uint32_t strength(const abi::RuleInfo& rule) {
    switch (rule.verdict) {
      case abi::RuleVerdict::Deny:
        return 0;
      case abi::RuleVerdict::Allow:
        return 1;
      case abi::RuleVerdict::None:
        return 2;
    }
    return 2;
  }

  void rank_rules(abi::Hook hook) {
    abi::HookPlan& plan = unit_.plans[static_cast<size_t>(hook)];
    for (uint32_t i = 0; i < unit_.rules.size(); ++i) {
      const abi::RuleInfo& rule = unit_.rules[i];
      const bool acts = rule.verdict != abi::RuleVerdict::None || !rule.effects.empty();
      if (rule.hook == hook && acts) {
        (unit_.rules[i].shadow ? plan.shadow : plan.ranked).push_back(i);
      }
    }
    std::stable_sort(plan.ranked.begin(), plan.ranked.end(), [&](uint32_t a, uint32_t b) {
      return strength(unit_.rules[a]) < strength(unit_.rules[b]);
    });
    for (uint32_t rank = 0; rank < plan.ranked.size(); ++rank) {
      planned_[static_cast<size_t>(hook)].push_back(plan_rule(plan.ranked[rank], rank));
    }
  }

  PlannedRule plan_rule(uint32_t index, uint32_t rank) {
    const Rule& rule = module_.rules[index];
    PlannedRule out;
    out.rule = index;
    out.rank = rank;
    out.conjuncts = target_conjuncts(module_.targets[rule.target.index], rule.target.index, &out.servers);
    Conjuncts found = find_conjuncts(module_, rule.condition);
    out.complete = found.complete;
    if (found.list.size() > kAtomsMax) {
      found.list.resize(kAtomsMax);
      out.complete = false;
    }
    std::move(found.list.begin(), found.list.end(), std::back_inserter(out.conjuncts));
    for (const Conjunct& c : out.conjuncts) {
      add_names(c);
    }
    for (const std::string& server : out.servers) {
      symbol_names_[abi::SymbolFeature::kServer].add(server);
    }
    return out;
  }

  void add_names(const Conjunct& c) {
    Names* names = nullptr;
    switch (c.kind) {
      case Conjunct::Kind::Symbol: {
        const auto [at, fresh] = symbol_of_slot_.emplace(c.slot, symbol_names_.size());
        if (fresh) {
          symbol_names_.emplace_back();
          symbol_slots_.push_back(c.slot);
        }
        names = &symbol_names_[at->second];
        break;
      }
      case Conjunct::Kind::Mask:
      case Conjunct::Kind::Part: {  // a slot is a set or a text, never both
        const auto [at, fresh] = mask_of_slot_.emplace(c.slot, mask_names_.size());
        if (fresh) {
          mask_names_.emplace_back();
          mask_names_.back().are_parts = c.kind == Conjunct::Kind::Part;
          mask_slots_.push_back(c.slot);
        }
        names = &mask_names_[at->second];
        break;
      }
      case Conjunct::Kind::Tool:
        names = &symbol_names_[abi::SymbolFeature::kTool];
        break;
      case Conjunct::Kind::Server:
        names = &symbol_names_[abi::SymbolFeature::kServer];
        break;
      case Conjunct::Kind::IntMin:
      case Conjunct::Kind::IntMax:
      case Conjunct::Kind::IntIs:
      case Conjunct::Kind::Prefix:
      case Conjunct::Kind::Present:
      case Conjunct::Kind::Absent:
      case Conjunct::Kind::Target:
        return;
    }
    for (const std::string& name : c.names) {
      names->add(name);
    }
  }

  /// Where many texts are looked for in one input, looking for all may cost more than asking the rules that
  /// are left: those ask, then. Their other conjuncts stay necessary.
  void drop_crowded_parts() {
    const auto is_crowded = [&](const Conjunct& c) {
      return c.kind == Conjunct::Kind::Part && mask_names_[mask_of_slot_.at(c.slot)].list.size() > kPartsMax;
    };
    for (std::vector<PlannedRule>& hook : planned_) {
      for (PlannedRule& rule : hook) {
        std::erase_if(rule.conjuncts, is_crowded);
      }
    }
    for (Names& names : mask_names_) {
      if (names.are_parts && names.list.size() > kPartsMax) {
        names.list.clear();
      }
    }
  }

  void build_features() {
    for (size_t i = 0; i < symbol_names_.size(); ++i) {
      abi::SymbolFeature& feature = unit_.symbol_features.emplace_back();
      feature.slot = symbol_slots_[i];
      feature.table = abi::SymbolTable(symbol_names_[i].list);
    }
    for (size_t i = 0; i < mask_names_.size(); ++i) {
      abi::MaskFeature& feature = unit_.mask_features.emplace_back();
      feature.slot = mask_slots_[i];
      feature.word = unit_.mask_words;
      feature.words = static_cast<uint32_t>((mask_names_[i].list.size() + 63) / 64);
      if (mask_names_[i].are_parts) {
        feature.parts = std::make_shared<const value::TextParts>(mask_names_[i].list);
      } else {
        feature.table = abi::SymbolTable(mask_names_[i].list);
      }
      unit_.mask_words += feature.words;
    }
  }

  void build_hook(abi::Hook hook, const std::vector<PlannedRule>& rules) {
    abi::HookPlan& plan = unit_.plans[static_cast<size_t>(hook)];
    std::vector<const PlannedRule*> deciding;
    std::vector<const PlannedRule*> collecting;
    for (const PlannedRule& rule : rules) {
      (unit_.rules[rule.rule].collects() ? collecting : deciding).push_back(&rule);
    }
    build_index(plan.decide, deciding);
    build_index(plan.collect, collecting);
    for (const PlannedRule& rule : rules) {
      for (const Conjunct& c : rule.conjuncts) {
        if (c.kind == Conjunct::Kind::Symbol) {
          plan.symbol_features.push_back(static_cast<uint32_t>(symbol_of_slot_.at(c.slot)));
        } else if (c.kind == Conjunct::Kind::Mask || c.kind == Conjunct::Kind::Part) {
          plan.mask_features.push_back(static_cast<uint32_t>(mask_of_slot_.at(c.slot)));
        }
      }
    }
    for (std::vector<uint32_t>* features : {&plan.symbol_features, &plan.mask_features}) {
      std::sort(features->begin(), features->end());
      features->erase(std::unique(features->begin(), features->end()), features->end());
    }
    std::vector<uint32_t> evaluated = plan.ranked;
    evaluated.insert(evaluated.end(), plan.shadow.begin(), plan.shadow.end());
    plan.target_slots = find_target_slots(module_, hook, evaluated);
    for (uint32_t window = 0; window < unit_.windows.size(); ++window) {
      if (unit_.windows[window].hook == hook) {
        plan.windows.push_back(window);
      }
    }
  }

  /// The conjunct as something to file the rule under; nothing when it does not name strings that must be
  /// there.
  std::optional<AnchorChoice> anchor_of(const Conjunct& c, size_t index) const {
    if (c.negated || c.absent != OnAbsent::False || c.names.empty() || c.names.size() > kAnchorValuesMax) {
      return std::nullopt;
    }
    AnchorChoice choice;
    choice.implied = index;
    const Names* names = nullptr;
    switch (c.kind) {
      case Conjunct::Kind::Symbol:
        choice.feature = static_cast<uint32_t>(symbol_of_slot_.at(c.slot));
        names = &symbol_names_[choice.feature];
        break;
      case Conjunct::Kind::Mask:
      case Conjunct::Kind::Part:
        choice.kind = abi::Anchor::Kind::Mask;
        choice.feature = static_cast<uint32_t>(mask_of_slot_.at(c.slot));
        names = &mask_names_[choice.feature];
        break;
      case Conjunct::Kind::Tool:
        choice.feature = abi::SymbolFeature::kTool;
        names = &symbol_names_[choice.feature];
        break;
      case Conjunct::Kind::Server:
        choice.feature = abi::SymbolFeature::kServer;
        names = &symbol_names_[choice.feature];
        break;
      case Conjunct::Kind::IntMin:
      case Conjunct::Kind::IntMax:
      case Conjunct::Kind::IntIs:
      case Conjunct::Kind::Prefix:
      case Conjunct::Kind::Present:
      case Conjunct::Kind::Absent:
      case Conjunct::Kind::Target:
        return std::nullopt;
    }
    for (const std::string& name : c.names) {
      choice.values.push_back(names->index.at(name));
    }
    return choice;
  }

  /// How often a request opens one of the rule's buckets, judged by how many values the pack tells apart.
  /// Sets count thrice: requests hold several of their strings. Parts that policies look for are rarely
  /// there. An exact tool is the gateway's own finest partition and beats equal figures.
  double share(const AnchorChoice& choice) const {
    const bool mask = choice.kind == abi::Anchor::Kind::Mask;
    const Names& names = mask ? mask_names_[choice.feature] : symbol_names_[choice.feature];
    const bool tool = !mask && choice.feature == abi::SymbolFeature::kTool;
    return static_cast<double>(choice.values.size()) *
           (names.are_parts ? 0.25
            : mask          ? 3.0
            : tool          ? 0.5
                            : 1.0) /
           (static_cast<double>(names.list.size()) + 1.0);
  }

  std::optional<AnchorChoice> choose_anchor(const PlannedRule& rule) const {
    std::optional<AnchorChoice> best;
    const auto offer = [&](std::optional<AnchorChoice> choice) {
      if (choice && (!best || share(*choice) < share(*best))) {
        best = std::move(choice);
      }
    };
    for (size_t i = 0; i < rule.conjuncts.size(); ++i) {
      offer(anchor_of(rule.conjuncts[i], i));
    }
    if (!rule.servers.empty() && rule.servers.size() <= kAnchorValuesMax) {
      AnchorChoice choice;
      choice.feature = abi::SymbolFeature::kServer;
      for (const std::string& server : rule.servers) {
        choice.values.push_back(symbol_names_[choice.feature].index.at(server));
      }
      offer(choice);
    }
    return best;
  }

  struct Filed {
    const PlannedRule* rule;
    size_t implied;
  };
  using Buckets = std::map<uint32_t, std::vector<Filed>>;  // symbol -> rules, rank ascending

  void build_index(abi::Index& index, const std::vector<const PlannedRule*>& rules) {
    texts_.clear();
    std::map<std::pair<abi::Anchor::Kind, uint32_t>, Buckets> anchors;
    std::vector<Filed> always;
    for (const PlannedRule* rule : rules) {
      const std::optional<AnchorChoice> choice = choose_anchor(*rule);
      if (!choice) {
        always.push_back({rule, SIZE_MAX});
        continue;
      }
      Buckets& buckets = anchors[{choice->kind, choice->feature}];
      for (const uint32_t value : choice->values) {
        buckets[value].push_back({rule, choice->implied});
      }
    }
    index.always = emit_bucket(index, always);
    for (const auto& [key, buckets] : anchors) {
      abi::Anchor& anchor = index.anchors.emplace_back();
      anchor.kind = key.first;
      anchor.feature = key.second;
      anchor.buckets.resize(key.first == abi::Anchor::Kind::Mask ? mask_names_[key.second].list.size()
                                                                 : symbol_names_[key.second].list.size());
      for (const auto& [symbol, filed] : buckets) {
        anchor.buckets[symbol] = emit_bucket(index, filed);
      }
    }
  }

  abi::BucketRef emit_bucket(abi::Index& index, const std::vector<Filed>& filed) {
    abi::BucketRef ref;
    ref.begin = static_cast<uint32_t>(index.code.size());
    for (const Filed& f : filed) {
      emit_rule(index, f);
    }
    if (!filed.empty()) {
      ref.first_rank = filed.front().rule->rank;
    }
    index.code.emplace_back();
    return ref;
  }

  void emit_rule(abi::Index& index, const Filed& filed) {
    const size_t head = index.code.size();
    index.code.emplace_back();
    std::vector<Atom> atoms;
    for (size_t i = 0; i < filed.rule->conjuncts.size(); ++i) {
      if (i != filed.implied) {
        emit_conjunct(index, filed.rule->conjuncts[i], atoms);
      }
    }
    // Cheap and telling ones first; the tool before all, since only a rule whose target matches may ask the
    // evaluator.
    std::stable_sort(atoms.begin(), atoms.end(),
                     [](const Atom& a, const Atom& b) { return atom_cost(a) < atom_cost(b); });
    for (const Atom& atom : atoms) {
      index.code.emplace_back().atom = atom;
    }
    abi::RuleHead& h = index.code[head].head;
    h = abi::RuleHead{};
    h.rank = filed.rule->rank;
    h.atoms = static_cast<uint16_t>(atoms.size());
    h.residual = filed.rule->complete ? 0 : 1;
    h.rule = filed.rule->rule;
  }

  void emit_conjunct(abi::Index& index, const Conjunct& c, std::vector<Atom>& out) {
    Atom atom;
    atom.absent = c.absent;
    atom.index = c.slot;
    atom.value = static_cast<uint64_t>(c.integer);
    switch (c.kind) {
      case Conjunct::Kind::Symbol:
        emit_symbol(index, c, static_cast<uint32_t>(symbol_of_slot_.at(c.slot)), out);
        return;
      case Conjunct::Kind::Tool:
        emit_symbol(index, c, abi::SymbolFeature::kTool, out);
        return;
      case Conjunct::Kind::Server:
        emit_symbol(index, c, abi::SymbolFeature::kServer, out);
        return;
      case Conjunct::Kind::Mask:
      case Conjunct::Kind::Part:
        emit_mask(index, c, out);
        return;
      case Conjunct::Kind::Target:
        atom.op = Atom::Op::TargetIs;
        atom.index = static_cast<uint32_t>(c.integer >> 6);
        atom.value = static_cast<uint64_t>(c.integer & 63);
        break;
      case Conjunct::Kind::IntMin:
        atom.op = Atom::Op::IntMin;
        break;
      case Conjunct::Kind::IntMax:
        atom.op = Atom::Op::IntMax;
        break;
      case Conjunct::Kind::IntIs:
        atom.op = c.negated ? Atom::Op::IntIsNot : Atom::Op::IntIs;
        break;
      case Conjunct::Kind::Prefix:
        atom.op = Atom::Op::Prefix;
        atom.value = text_offset(index, c.names[0]) << 32 | c.names[0].size();
        break;
      case Conjunct::Kind::Present:
        atom.op = c.absent == OnAbsent::Exact ? Atom::Op::Required : Atom::Op::Present;
        break;
      case Conjunct::Kind::Absent:
        atom.op = Atom::Op::Absent;
        break;
    }
    out.push_back(atom);
  }

  void emit_symbol(abi::Index& index, const Conjunct& c, uint32_t feature, std::vector<Atom>& out) const {
    const Names& names = symbol_names_[feature];
    Atom atom;
    atom.absent = c.absent;
    atom.index = feature;
    if (c.names.size() == 1) {
      atom.op = c.negated ? Atom::Op::SymbolIsNot : Atom::Op::SymbolIs;
      atom.value = names.index.at(c.names[0]);
    } else {
      atom.op = c.negated ? Atom::Op::SymbolNotIn : Atom::Op::SymbolIn;
      atom.value = index.bits.size();
      emit_set(index, c, names);
    }
    out.push_back(atom);
  }

  static void emit_set(abi::Index& index, const Conjunct& c, const Names& names) {
    const size_t begin = index.bits.size();
    const size_t words = (names.list.size() + 63) / 64;
    index.bits.resize(begin + 1 + words, 0);
    index.bits[begin] = words;
    for (const std::string& name : c.names) {
      const uint32_t symbol = names.index.at(name);
      index.bits[begin + 1 + symbol / 64] |= uint64_t{1} << (symbol % 64);
    }
  }

  void emit_mask(abi::Index& index, const Conjunct& c, std::vector<Atom>& out) const {
    const size_t feature = mask_of_slot_.at(c.slot);
    const uint32_t first_word = unit_.mask_features[feature].word;
    std::map<uint32_t, uint64_t> words;
    for (const std::string& name : c.names) {
      const uint32_t symbol = mask_names_[feature].index.at(name);
      words[symbol / 64] |= uint64_t{1} << (symbol % 64);
    }
    Atom atom;
    if (!c.negated && words.size() > 1) {
      atom.op = Atom::Op::MaskAnyWide;
      atom.index = first_word;
      atom.value = index.bits.size();
      emit_set(index, c, mask_names_[feature]);
      out.push_back(atom);
      return;
    }
    atom.op = c.negated ? Atom::Op::MaskNone : Atom::Op::MaskAny;
    for (const auto& [word, bits] : words) {
      atom.index = first_word + word;
      atom.value = bits;
      out.push_back(atom);
    }
  }

  uint64_t text_offset(abi::Index& index, const std::string& text) {
    const auto [at, fresh] = texts_.emplace(text, index.text.size());
    if (fresh) {
      index.text += text;
    }
    return at->second;
  }

  const Module& module_;
  abi::Unit& unit_;
  std::vector<PlannedRule> planned_[abi::kHookCount];
  std::vector<Names> symbol_names_;  // features 0 and 1 are tool and server
  std::vector<uint32_t> symbol_slots_{UINT32_MAX, UINT32_MAX};
  std::unordered_map<uint32_t, size_t> symbol_of_slot_;
  std::vector<Names> mask_names_;
  std::vector<uint32_t> mask_slots_;
  std::unordered_map<uint32_t, size_t> mask_of_slot_;
  std::unordered_map<std::string, size_t> texts_;  // of the index being built
};

}  // namespace

void build_plans(const Module& module, const Partial& partial, abi::Unit& unit) {
  Planner(module, unit).run();
  for (const abi::Hook list : {abi::Hook::ListTools, abi::Hook::ListResources, abi::Hook::ListPrompts}) {
    abi::HookPlan& plan = unit.plans[static_cast<size_t>(*abi::asked_by(list))];
    for (uint32_t rank = 0; rank < plan.ranked.size(); ++rank) {
      const abi::RuleInfo& rule = unit.rules[plan.ranked[rank]];
      if (rule.verdict == abi::RuleVerdict::Allow) {
        plan.allowing.push_back(rank);
      } else if (rule.verdict == abi::RuleVerdict::Deny &&
                 partial.can_hold(module.rules[plan.ranked[rank]].condition)) {
        plan.hiding.push_back(rank);
      }
    }
  }
}

}  // namespace catalyst::ir
