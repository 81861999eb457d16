#include "compiler/analysis/slices.h"

#include <algorithm>
#include <map>
#include <set>

namespace catalyst::analysis {
namespace {

using Targets = std::vector<const std::vector<ir::TargetPattern>*>;

/// The sets that patterns of one half (server or tool) name; made once.
class PatternSets {
 public:
  const TextSet* get(const std::string& pattern) {
    TextSet& set = sets_[pattern];
    if (set.automaton == nullptr && set.literals.empty()) {
      if (is_literal(pattern)) {
        set.literals = {pattern};
      } else if (auto automaton = glob_automaton(pattern)) {
        set.automaton = std::make_shared<const Automaton>(std::move(*automaton));
      } else {
        return nullptr;
      }
    }
    return &set;
  }

  /// One text of every class that the patterns make; false in `complete` when some may be missing.
  std::vector<std::string> values(const std::set<std::string>& patterns, bool* complete) {
    std::vector<const TextSet*> sets;
    for (const std::string& pattern : patterns) {
      if (pattern == "*") {
        continue;
      }
      const TextSet* set = get(pattern);
      if (set == nullptr) {
        *complete = false;
        continue;
      }
      sets.push_back(set);
    }
    Partition out = partition(sets, {});
    *complete = *complete && out.complete;
    return std::move(out.values);
  }

  bool matches(const std::string& pattern, const std::string& text) {
    if (pattern == "*") {
      return true;
    }
    const TextSet* set = get(pattern);
    return set != nullptr && set->holds(text);
  }

  bool matches(const std::vector<ir::TargetPattern>& patterns, const std::string& server,
               const std::string& tool) {
    return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const ir::TargetPattern& p) {
             return matches(p.server, server) && matches(p.tool, tool);
           });
  }

 private:
  std::map<std::string, TextSet> sets_;
};

}  // namespace

Slices slice(const std::vector<Rules*>& packs, abi::Hook hook, const std::vector<ir::TargetPattern>& within) {
  Slices out;
  PatternSets sets;
  Targets targets = {&within};
  std::set<std::pair<size_t, uint32_t>> distinct;  // pack and target of its rules
  for (size_t pack = 0; pack < packs.size(); ++pack) {
    const ir::Module& module = packs[pack]->module();
    for (const ir::Rule& rule : module.rules) {
      if (rule.hook != hook) {
        continue;
      }
      distinct.emplace(pack, rule.target.index);
      for (const ir::Effect& effect : rule.effects) {
        if (effect.target.valid()) {
          distinct.emplace(pack, effect.target.index);
        }
      }
    }
  }
  for (const auto& [pack, target] : distinct) {
    targets.push_back(&packs[pack]->module().targets[target].patterns);
  }
  std::set<std::string> servers;
  for (const auto* patterns : targets) {
    for (const ir::TargetPattern& p : *patterns) {
      servers.insert(p.server);
    }
  }
  std::map<std::vector<bool>, bool> seen;
  for (const std::string& server : sets.values(servers, &out.complete)) {
    std::set<std::string> tools;
    for (const auto* patterns : targets) {
      for (const ir::TargetPattern& p : *patterns) {
        if (sets.matches(p.server, server)) {
          tools.insert(p.tool);
        }
      }
    }
    for (const std::string& tool : sets.values(tools, &out.complete)) {
      if (!sets.matches(within, server, tool)) {
        continue;
      }
      std::vector<bool> signature;
      for (const auto* patterns : targets) {
        signature.push_back(sets.matches(*patterns, server, tool));
      }
      if (!seen.emplace(signature, true).second) {
        continue;
      }
      Slice& s = out.all.emplace_back();
      s.server = server;
      s.tool = tool;
      Formulas& f = packs.front()->world().formulas;
      s.constraint = f.truth(true);
      size_t at = 1;
      for (const auto& [pack, target] : distinct) {
        const FormulaId inside = packs[pack]->target(ir::TargetId(target));
        s.constraint = f.both(s.constraint, signature[at++] ? inside : f.negate(inside));
      }
      for (Rules* pack : packs) {
        std::vector<uint32_t>& rules = s.rules.emplace_back();
        for (uint32_t i = 0; i < pack->module().rules.size(); ++i) {
          const ir::Rule& rule = pack->module().rules[i];
          if (rule.hook == hook &&
              sets.matches(pack->module().targets[rule.target.index].patterns, server, tool)) {
            rules.push_back(i);
          }
        }
      }
    }
  }
  return out;
}

Slice slice_of(Rules& pack, abi::Hook hook, const std::string& server, const std::string& tool) {
  Formulas& f = pack.world().formulas;
  PatternSets sets;
  Slice out;
  out.server = server;
  out.tool = tool;
  out.constraint =
      f.both(f.text_in(f.variable(pack.world().text("call.server")), std::vector<std::string>{server}),
             f.text_in(f.variable(pack.world().text("call.tool")), std::vector<std::string>{tool}));
  out.rules.emplace_back();
  const ir::Module& module = pack.module();
  for (uint32_t i = 0; i < module.rules.size(); ++i) {
    const ir::Rule& rule = module.rules[i];
    if (rule.hook == hook && sets.matches(module.targets[rule.target.index].patterns, server, tool)) {
      out.rules.front().push_back(i);
    }
  }
  return out;
}

}  // namespace catalyst::analysis
