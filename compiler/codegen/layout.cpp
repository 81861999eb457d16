#include "compiler/codegen/layout.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "compiler/codegen/survey.h"

namespace catalyst::codegen {
namespace {

/// Buckets with this share of all decisions are compiled first, unless they have more than that share of the
/// cells.
constexpr double kHotDecisions = 0.95;
constexpr double kHotCells = 0.1;

/// `visit(head)` for the rules of a bucket.
template <class Visit>
void for_each_head(const abi::Cell* cell, Visit visit) {
  for (; cell->head.rank != abi::kNoRank; cell += 1 + cell->head.atoms) {
    visit(cell->head);
  }
}

/// Which buckets decide most, in the order of for_each_bucket.
std::vector<bool> hottest(const abi::Unit& unit, const std::vector<uint64_t>& decided) {
  struct Heat {
    uint64_t decisions = 0;
    size_t cells = 0;
    size_t at = 0;
  };
  std::vector<Heat> heats;
  double decisions = 0;
  double cells = 0;
  for_each_bucket(unit, [&](const abi::Index& index, const abi::BucketRef& bucket) {
    Heat heat{0, 0, heats.size()};
    if (bucket.first_rank != abi::kNoRank) {
      heat.cells = cells_of(index, bucket);
      for_each_head(&index.code[bucket.begin], [&](const abi::RuleHead& head) {
        heat.decisions += head.rule < decided.size() ? decided[head.rule] : 0;
      });
    }
    decisions += static_cast<double>(heat.decisions);
    cells += static_cast<double>(heat.cells);
    heats.push_back(heat);
  });
  std::vector<bool> out(heats.size());
  std::sort(heats.begin(), heats.end(), [](const Heat& a, const Heat& b) {
    return a.decisions != b.decisions ? a.decisions > b.decisions : a.at < b.at;
  });
  double taken_decisions = 0;
  double taken_cells = 0;
  for (const Heat& heat : heats) {
    if (heat.decisions == 0 || taken_decisions >= kHotDecisions * decisions) {
      break;
    }
    if (taken_cells + static_cast<double>(heat.cells) > kHotCells * cells) {
      continue;  // too large to be early
    }
    taken_cells += static_cast<double>(heat.cells);
    taken_decisions += static_cast<double>(heat.decisions);
    out[heat.at] = true;
  }
  return out;
}

/// Rules that some bucket cannot decide by its atoms alone.
std::vector<bool> asked_rules(const abi::Unit& unit) {
  std::vector<bool> asked(unit.rules.size());
  for (const abi::HookPlan& plan : unit.plans) {
    for (const abi::Index* index : {&plan.decide, &plan.collect}) {
      for (size_t i = 0; i < index->code.size();) {
        const abi::RuleHead& head = index->code[i].head;
        if (head.rank == abi::kNoRank) {
          i++;
          continue;
        }
        if (head.residual != 0) {
          asked[head.rule] = true;
        }
        i += 1 + size_t{head.atoms};
      }
    }
  }
  return asked;
}

/// Rules that are worth code now: those that decided, and those of the buckets that are compiled.
std::vector<bool> hot_rules(const abi::Unit& unit, const std::vector<bool>& buckets,
                            const std::vector<uint64_t>& decided) {
  std::vector<bool> out(unit.rules.size());
  for (size_t i = 0; i < std::min(out.size(), decided.size()); i++) {
    out[i] = decided[i] != 0;
  }
  auto hot = buckets.begin();
  for_each_bucket(unit, [&](const abi::Index& index, const abi::BucketRef& bucket) {
    if (*hot++) {
      for_each_head(&index.code[bucket.begin], [&](const abi::RuleHead& head) { out[head.rule] = true; });
    }
  });
  return out;
}

/// Each root once for each way it is called. `hot`, unless it is empty, says which rules get some, and
/// nothing but rules does.
std::vector<Root> wanted_roots(const ir::Module& module, const abi::Unit* plans,
                               const std::vector<bool>& hot) {
  const std::vector<bool> asked =
      plans == nullptr ? std::vector<bool>(module.rules.size(), true) : asked_rules(*plans);
  std::vector<Root> wanted;
  std::vector<uint8_t> seen(module.exprs.size());
  const auto add = [&](ir::ExprId id, bool as_condition) {
    if (!id.valid()) {
      return;
    }
    const bool is_bool = module.types.kind(module.expr(id).type) == types::TypeKind::Bool;
    const RootKind kind = as_condition && is_bool ? RootKind::Condition : RootKind::Value;
    const uint8_t bit = kind == RootKind::Condition ? 1 : 2;
    if ((seen[id.index] & bit) == 0) {
      seen[id.index] |= bit;
      wanted.push_back({id, kind});
    }
  };
  for (size_t i = 0; i < module.rules.size(); i++) {
    const ir::Rule& rule = module.rules[i];
    if (!hot.empty() && !hot[i]) {
      continue;
    }
    if (asked[i]) {
      add(rule.condition, true);
    }
    add(rule.message, false);
    for (const ir::Effect& effect : rule.effects) {
      add(effect.value, false);
    }
  }
  if (!hot.empty()) {
    return wanted;
  }
  for (const ir::Window& window : module.windows) {
    add(window.key, false);
    add(window.value, false);
  }
  for (const ir::WindowRead& read : module.window_reads) {
    add(read.key, false);
  }
  if (plans == nullptr) {  // whoever compiles without a plan compares; a pack in force has no use for tests
    for (const ir::Test& test : module.tests) {
      for (const ir::TestClaim& claim : test.claims) {
        add(claim.condition, true);
      }
    }
  }
  for (const ir::Decision& decision : module.decisions) {
    add(decision.call, false);
  }
  for (const ir::Route& route : module.routes) {
    for (const ir::RoutePrefer& prefer : route.prefers) {
      add(prefer.condition, true);
    }
    add(route.hash, false);
    for (const ir::ExprId part : route.key) {
      add(part, false);
    }
  }
  return wanted;
}

uint64_t mixed(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9e3779b97f4a7c15;
  return hash ^ hash >> 32;
}

uint64_t fingerprint(const Layout& layout, const abi::Unit* plans) {
  uint64_t hash = 0;
  for (const Root& root : layout.roots) {
    hash = mixed(hash, uint64_t{root.expr.index} << 1 | static_cast<uint64_t>(root.kind));
  }
  for (const bool has : layout.buckets) {
    hash = mixed(hash, has ? 1 : 0);
  }
  if (plans == nullptr) {
    return hash;
  }
  for (const abi::HookPlan& plan : plans->plans) {
    for (const abi::Cell& cell : plan.decide.code) {
      const auto words = std::bit_cast<std::array<uint64_t, 2>>(cell);
      hash = mixed(mixed(hash, words[0]), words[1]);
    }
    for (const uint64_t bits : plan.decide.bits) {
      hash = mixed(hash, bits);
    }
    for (const char c : plan.decide.text) {
      hash = mixed(hash, static_cast<uint8_t>(c));
    }
  }
  return hash;
}

}  // namespace

size_t cells_of(const abi::Index& index, const abi::BucketRef& bucket) {
  size_t cells = 0;
  for (const abi::Cell* cell = &index.code[bucket.begin]; cell->head.rank != abi::kNoRank;
       cell += 1 + cell->head.atoms) {
    cells += 1 + size_t{cell->head.atoms};
  }
  return cells;
}

Result<Layout> lay_out(const ir::Module& module, const Options& options, const abi::Unit* plans) {
  Layout out;
  Survey survey(module, options.exprs_per_root_max);
  std::vector<bool> hot_buckets;
  std::vector<bool> hot;
  if (plans != nullptr && !options.decided.empty()) {
    hot_buckets = hottest(*plans, options.decided);
    hot = hot_rules(*plans, hot_buckets, options.decided);
  }
  for (const Root& root : wanted_roots(module, plans, hot)) {
    if (options.stop.stop_requested()) {
      return error("stopped");
    }
    if (!survey.is_fit(root.expr)) {
      continue;
    }
    if (survey.total() > options.exprs_max) {
      return error("the pack has more than " + std::to_string(options.exprs_max) + " expressions");
    }
    out.roots.push_back(root);
  }
  size_t cells = options.bucket_cells_max;
  if (plans != nullptr) {
    for_each_bucket(*plans, [&](const abi::Index& index, const abi::BucketRef& bucket) {
      const size_t size = bucket.first_rank == abi::kNoRank ? 0 : cells_of(index, bucket);
      const bool wanted = hot_buckets.empty() || hot_buckets[out.buckets.size()];
      const bool has = wanted && size != 0 && size <= cells;
      cells -= has ? size : 0;
      out.buckets.push_back(has);
    });
  }
  out.fingerprint = fingerprint(out, plans);
  return out;
}

}  // namespace catalyst::codegen
