#include "compiler/analysis/slices.h"

#include <algorithm>
#include <map>
#include <set>

#include "runtime/base/budget.h"

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

class Slicer {
 public:
  Slicer(const std::vector<Rules*>& packs, abi::Hook hook, const std::vector<ir::TargetPattern>& within)
      : packs_(packs), hook_(hook), within_(within), targets_{&within} {
    for (size_t pack = 0; pack < packs.size(); ++pack) {
      collect(pack, packs[pack]->module());
    }
    for (const auto& [pack, target] : distinct_) {
      targets_.push_back(&packs[pack]->module().targets[target].patterns);
    }
  }

  Slices run() {
    // Tools that there are come first: of tools that rules do not tell apart, they are the better example.
    for (Rules* pack : packs_) {
      for (const ir::TargetPattern& known : pack->module().known_tools) {
        add(known.server, known.tool);
      }
    }
    std::set<std::string> servers;
    for (const auto* patterns : targets_) {
      for (const ir::TargetPattern& p : *patterns) {
        servers.insert(p.server);
      }
    }
    for (const std::string& server : sets_.values(servers, &out_.complete)) {
      std::set<std::string> tools;
      for (const auto* patterns : targets_) {
        for (const ir::TargetPattern& p : *patterns) {
          if (sets_.matches(p.server, server)) {
            tools.insert(p.tool);
          }
        }
      }
      for (const std::string& tool : sets_.values(tools, &out_.complete)) {
        add(server, tool);
      }
    }
    return std::move(out_);
  }

 private:
  void collect(size_t pack, const ir::Module& module) {
    for (const ir::Rule& rule : module.rules) {
      if (rule.hook != hook_) {
        continue;
      }
      distinct_.emplace(pack, rule.target.index);
      for (const ir::Effect& effect : rule.effects) {
        if (effect.target.valid()) {
          distinct_.emplace(pack, effect.target.index);
        }
      }
    }
  }

  /// The slice of a tool, unless it is there already.
  void add(const std::string& server, const std::string& tool) {
    if (!Budget::spend(targets_.size() * 10)) {
      out_.complete = false;
      return;
    }
    if (!sets_.matches(within_, server, tool)) {
      return;
    }
    std::vector<bool> signature;
    for (const auto* patterns : targets_) {
      signature.push_back(sets_.matches(*patterns, server, tool));
    }
    if (!seen_.insert(signature).second) {
      return;
    }
    Slice& s = out_.all.emplace_back();
    s.server = server;
    s.tool = tool;
    Formulas& f = packs_.front()->world().formulas;
    std::vector<FormulaId> parts;
    size_t at = 1;
    for (const auto& [pack, target] : distinct_) {
      const FormulaId inside = packs_[pack]->target(ir::TargetId(target));
      parts.push_back(signature[at++] ? inside : f.negate(inside));
    }
    s.constraint = f.all_of(parts);
    for (Rules* pack : packs_) {
      std::vector<uint32_t>& rules = s.rules.emplace_back();
      for (uint32_t i = 0; i < pack->module().rules.size(); ++i) {
        const ir::Rule& rule = pack->module().rules[i];
        if (rule.hook == hook_ &&
            sets_.matches(pack->module().targets[rule.target.index].patterns, server, tool)) {
          rules.push_back(i);
        }
      }
    }
  }

  const std::vector<Rules*>& packs_;
  const abi::Hook hook_;
  const std::vector<ir::TargetPattern>& within_;
  PatternSets sets_;
  Targets targets_;
  std::set<std::pair<size_t, uint32_t>> distinct_;  // pack and target of its rules
  std::set<std::vector<bool>> seen_;
  Slices out_;
};

}  // namespace

Slices slice(const std::vector<Rules*>& packs, abi::Hook hook, const std::vector<ir::TargetPattern>& within) {
  return Slicer(packs, hook, within).run();
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
