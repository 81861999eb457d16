#include "runtime/decision/binding.h"

#include <algorithm>
#include <bit>

namespace catalyst::decision {

namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

bool matches_target(const std::vector<abi::TargetPattern>& patterns, std::string_view server,
                    std::string_view tool) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const abi::TargetPattern& p) {
           return matches_name(p.server, server) && matches_name(p.tool, tool);
         });
}

void select(const abi::Unit& unit, const abi::HookPlan& plan, const ToolBinding& row, SlotSelection& out) {
  out.bits.assign((unit.slots.size() + 63) / 64, 0);
  for (size_t target = 0; target < plan.target_slots.size(); ++target) {
    if ((row.targets[target >> 6] >> (target & 63) & 1) == 0) {
      continue;
    }
    for (const uint32_t slot : plan.target_slots[target]) {
      out.bits[slot >> 6] |= uint64_t{1} << (slot & 63);
    }
  }
  for (uint32_t slot = 0; slot < unit.slots.size(); ++slot) {
    if (!out.has(slot)) {
      continue;
    }
    const uint8_t root = json_root_of(unit.slots[slot].root);
    if (root == kNoJsonRoot) {
      out.trusted.push_back(slot);
    } else {
      out.json.push_back(slot);
      out.roots[root] = true;
    }
  }
}

void choose_anchors(const abi::Unit& unit, const abi::Index& index, const ToolBinding& row,
                    const SlotSelection& slots, std::vector<uint32_t>& out) {
  for (uint32_t i = 0; i < index.anchors.size(); ++i) {
    const abi::Anchor& anchor = index.anchors[i];
    bool set = false;
    if (anchor.kind == abi::Anchor::Kind::Mask) {
      set = slots.has(unit.mask_features[anchor.feature].slot);
    } else if (anchor.feature == abi::SymbolFeature::kTool) {
      set = row.tool_symbol >= 0;
    } else if (anchor.feature == abi::SymbolFeature::kServer) {
      set = row.server_symbol >= 0;
    } else {
      set = slots.has(unit.symbol_features[anchor.feature].slot);
    }
    if (set) {
      out.push_back(i);
    }
  }
}

HookBinding bind_hook(const abi::Unit& unit, const abi::HookPlan& plan, const ToolBinding& row) {
  HookBinding out;
  select(unit, plan, row, out.slots);
  for (const uint32_t feature : plan.symbol_features) {
    if (out.slots.has(unit.symbol_features[feature].slot)) {
      out.symbol_features.push_back(feature);
    }
  }
  for (const uint32_t feature : plan.mask_features) {
    if (out.slots.has(unit.mask_features[feature].slot)) {
      out.mask_features.push_back(feature);
    }
  }
  choose_anchors(unit, plan.decide, row, out.slots, out.decide_anchors);
  choose_anchors(unit, plan.collect, row, out.slots, out.collect_anchors);
  return out;
}

}  // namespace

bool matches_name(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      ++t;
      while (t < text.size() && is_continuation(text[t])) {
        ++t;
      }
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') {
    ++p;
  }
  return p == pattern.size();
}

ToolBinding bind_tool(const abi::Unit& unit, std::string_view server, std::string_view tool) {
  ToolBinding row;
  row.key.reserve(server.size() + tool.size() + 1);
  row.key.append(server).append(1, '\0').append(tool);
  row.tool_symbol = unit.symbol_features[abi::SymbolFeature::kTool].table.find(row.key);
  row.server_symbol = unit.symbol_features[abi::SymbolFeature::kServer].table.find(server);
  row.targets.assign(unit.targets.size() / 64 + 1, 0);
  for (size_t target = 0; target < unit.targets.size(); ++target) {
    if (matches_target(unit.targets[target], server, tool)) {
      row.targets[target >> 6] |= uint64_t{1} << (target & 63);
    }
  }
  for (size_t hook = 0; hook < abi::kHookCount; ++hook) {
    row.hooks[hook] = bind_hook(unit, unit.plans[hook], row);
  }
  return row;
}

void ToolCache::prepare(const abi::Unit& unit, uint32_t limit) {
  unit_ = &unit;
  limit_ = std::max<size_t>(limit, 1);
  rows_.clear();
  rows_.resize(64);
  mask_ = rows_.size() - 1;
  count_ = 0;
}

const ToolBinding& ToolCache::add(uint64_t hash, std::string_view server, std::string_view tool) {
  if (count_ >= limit_) {
    rows_.clear();
    rows_.resize(64);
    mask_ = rows_.size() - 1;
    count_ = 0;
  }
  if ((count_ + 1) * 2 > rows_.size()) {
    std::vector<std::unique_ptr<ToolBinding>> old(rows_.size() * 2);
    old.swap(rows_);
    mask_ = rows_.size() - 1;
    for (std::unique_ptr<ToolBinding>& row : old) {
      if (row != nullptr) {
        size_t i = row->hash & mask_;
        while (rows_[i] != nullptr) {
          i = (i + 1) & mask_;
        }
        rows_[i] = std::move(row);
      }
    }
  }
  size_t i = hash & mask_;
  while (rows_[i] != nullptr) {
    i = (i + 1) & mask_;
  }
  rows_[i] = std::make_unique<ToolBinding>(bind_tool(*unit_, server, tool));
  rows_[i]->hash = hash;
  ++count_;
  return *rows_[i];
}

}  // namespace catalyst::decision
