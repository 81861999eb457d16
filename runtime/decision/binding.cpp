#include "runtime/decision/binding.h"

#include <algorithm>
#include <iterator>

namespace catalyst::decision {

namespace {

bool matches_target(const std::vector<abi::TargetPattern>& patterns, std::string_view server,
                    std::string_view tool) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const abi::TargetPattern& p) {
           return matches_name(p.server, server) && matches_name(p.tool, tool);
         });
}

bool matches(const ToolBinding& row, uint32_t target) {
  return (row.targets[target >> 6] >> (target & 63) & 1) != 0;
}

/// Files the slots whose bits are set.
void file_slots(const abi::Unit& unit, SlotSelection& out) {
  for (uint32_t slot = 0; slot < unit.slots.size(); ++slot) {
    if (!out.has(slot)) {
      continue;
    }
    const uint8_t root = json_root_of(unit.slots[slot].root);
    if (root == kNoJsonRoot) {
      out.trusted.push_back({slot, unit.slots[slot].root});
    } else {
      out.json.push_back(slot);
      out.roots[root] = true;
    }
  }
}

void select(const abi::Unit& unit, const abi::HookPlan& plan, const ToolBinding& row, SlotSelection& out) {
  out.bits.assign((unit.slots.size() + 63) / 64, 0);
  for (size_t target = 0; target < plan.target_slots.size(); ++target) {
    if (!matches(row, static_cast<uint32_t>(target))) {
      continue;
    }
    for (const uint32_t slot : plan.target_slots[target]) {
      out.bits[slot >> 6] |= uint64_t{1} << (slot & 63);
    }
  }
  file_slots(unit, out);
}

OpenAnchors choose_anchors(const abi::Unit& unit, const abi::Index& index, const SlotSelection& slots) {
  OpenAnchors out;
  for (uint32_t i = 0; i < index.anchors.size(); ++i) {
    const abi::Anchor& anchor = index.anchors[i];
    bool set = true;  // of the tool and its server always: whether the pack names them is the row's to say
    if (anchor.kind == abi::Anchor::Kind::Mask) {
      set = slots.has(unit.mask_features[anchor.feature].slot);
    } else if (anchor.feature > abi::SymbolFeature::kServer) {
      set = slots.has(unit.symbol_features[anchor.feature].slot);
    }
    if (!set || anchor.buckets.empty()) {
      continue;
    }
    if (anchor.kind == abi::Anchor::Kind::Mask) {
      out.masks.push_back(i);
    } else {
      out.symbols.push_back({anchor.buckets.data(), anchor.feature});
    }
  }
  return out;
}

/// Moves those that `is_wanted` to the front; how many there are.
template <class T, class IsWanted>
uint32_t count_first(std::vector<T>& all, IsWanted is_wanted) {
  return static_cast<uint32_t>(std::partition(all.begin(), all.end(), is_wanted) - all.begin());
}

/// What the symbols of a feature open; nullptr: nothing.
const abi::BucketRef* buckets_over(const OpenAnchors& anchors, uint32_t feature) {
  for (const SymbolBuckets& anchor : anchors.symbols) {
    if (anchor.feature == feature) {
      return anchor.buckets;
    }
  }
  return nullptr;
}

HookBinding bind_hook(const abi::Unit& unit, const abi::HookPlan& plan, const ToolBinding& row) {
  HookBinding out;
  select(unit, plan, row, out.slots);
  out.decide = choose_anchors(unit, plan.decide, out.slots);
  out.collect = choose_anchors(unit, plan.collect, out.slots);
  const auto opens = [&](uint32_t feature) { return buckets_over(out.decide, feature); };
  out.tool_buckets = opens(abi::SymbolFeature::kTool);
  out.server_buckets = opens(abi::SymbolFeature::kServer);
  std::erase_if(out.decide.symbols,
                [](const SymbolBuckets& anchor) { return anchor.feature <= abi::SymbolFeature::kServer; });
  for (const uint32_t i : plan.symbol_features) {
    const abi::SymbolFeature& feature = unit.symbol_features[i];
    if (out.slots.has(feature.slot)) {
      out.symbols.push_back({&feature.table, opens(i), i, feature.slot});
    }
  }
  for (const uint32_t i : plan.mask_features) {
    const abi::MaskFeature& feature = unit.mask_features[i];
    if (out.slots.has(feature.slot)) {
      out.sets.push_back({&feature.table, feature.parts.get(), feature.slot, feature.word, feature.words});
    }
  }
  const auto is_cached = [&](const auto& read) { return is_cached_root(unit.slots[read.slot].root); };
  out.principal_symbols = count_first(out.symbols, is_cached);
  out.principal_sets =
      count_first(out.sets, [&](const SetRead& read) { return read.parts == nullptr && is_cached(read); });
  for (const uint32_t rule : plan.shadow) {
    if (matches(row, unit.rules[rule].target)) {
      out.shadow.push_back(rule);
    }
  }
  for (uint32_t read = 0; read < unit.window_reads.size(); ++read) {
    if (out.slots.has(unit.window_reads[read].slot)) {
      out.window_reads.push_back(read);
    }
  }
  for (const uint32_t window : plan.windows) {
    if (matches(row, unit.windows[window].target)) {
      out.windows.push_back(window);
    }
  }
  return out;
}

}  // namespace

SlotSelection select_slots(const abi::Unit& unit, const std::vector<uint32_t>& slots) {
  SlotSelection out;
  out.bits.assign((unit.slots.size() + 63) / 64, 0);
  for (const uint32_t slot : slots) {
    out.bits[slot >> 6] |= uint64_t{1} << (slot & 63);
  }
  file_slots(unit, out);
  return out;
}

bool matches_name(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
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

void ToolCache::prepare(const abi::Unit& unit, uint32_t limit) {
  unit_ = &unit;
  limit_ = std::max<size_t>(limit, 1);
  clear();
}

void ToolCache::clear() {
  rows_.assign(64, {});
  names_.assign(64, {});
  listings_.clear();
  listings_.resize(64);
  mask_ = rows_.size() - 1;
  count_ = 0;
  targets_.clear();
  classes_.clear();
}

void ToolCache::grow() {
  std::vector<ToolBinding> old_rows(rows_.size() * 2);
  std::vector<std::string> old_names(rows_.size() * 2);
  old_rows.swap(rows_);
  old_names.swap(names_);
  std::vector<std::unique_ptr<Listings>> old_listings(rows_.size());
  old_listings.swap(listings_);
  mask_ = rows_.size() - 1;
  for (size_t from = 0; from < old_rows.size(); ++from) {
    if (old_rows[from].hooks != nullptr) {
      listings_[put(old_rows[from], std::move(old_names[from]))] = std::move(old_listings[from]);
    }
  }
}

size_t ToolCache::put(const ToolBinding& row, std::string name) {
  size_t i = place_of(row.server_key(), row.tool_key());
  while (rows_[i].hooks != nullptr) {
    i = (i + 1) & mask_;
  }
  rows_[i] = row;
  names_[i] = std::move(name);
  return i;
}

const ToolBinding& ToolCache::add(std::string_view server, std::string_view tool) {
  if (count_ >= limit_) {
    clear();
  }
  if ((count_ + 1) * 4 > rows_.size()) {
    grow();
  }
  std::string name(server);
  name.append(1, '\0').append(tool);
  const ToolBinding row = bind_new(server, tool, name);
  ++count_;
  return rows_[put(row, std::move(name))];
}

ToolBinding ToolCache::bind_new(std::string_view server, std::string_view tool, const std::string& name) {
  const abi::Unit& unit = *unit_;
  auto targets = std::make_unique<uint64_t[]>(unit.targets.size() / 64 + 1);
  for (size_t target = 0; target < unit.targets.size(); ++target) {
    if (matches_target(unit.targets[target], server, tool)) {
      targets[target >> 6] |= uint64_t{1} << (target & 63);
    }
  }
  const abi::TextKey server_key = abi::TextKey::of(server);
  const abi::TextKey tool_key = abi::TextKey::of(tool);
  ToolBinding row;
  row.server_a = server_key.a;
  row.server_b = server_key.b;
  row.server_length = server_key.length;
  row.tool_a = tool_key.a;
  row.tool_b = tool_key.b;
  row.tool_length = tool_key.length;
  row.tool_symbol = unit.symbol_features[abi::SymbolFeature::kTool].table.find(name);
  row.server_symbol = unit.symbol_features[abi::SymbolFeature::kServer].table.find(server);
  row.targets = targets.get();
  ToolClass made;
  for (size_t hook = 0; hook < abi::kHookCount; ++hook) {
    const abi::HookPlan& plan = unit.plans[hook];
    if (!plan.ranked.empty() || !plan.shadow.empty() || !plan.windows.empty()) {
      made[hook] = bind_hook(unit, plan, row);
    }
  }
  row.hooks = share(std::move(made));
  targets_.push_back(std::move(targets));
  return row;
}

const ListingRanks& ToolCache::listing(const ToolBinding& row, abi::Hook hook) {
  std::unique_ptr<Listings>& place = listings_[static_cast<size_t>(&row - rows_.data())];
  if (place == nullptr) {
    place = std::make_unique<Listings>();
    for (size_t i = 0; i < abi::kHookCount; ++i) {
      const abi::HookPlan& plan = unit_->plans[i];
      const auto matching = [&](const std::vector<uint32_t>& ranks, std::vector<uint32_t>& some) {
        std::copy_if(ranks.begin(), ranks.end(), std::back_inserter(some),
                     [&](uint32_t rank) { return matches(row, unit_->rules[plan.ranked[rank]].target); });
      };
      matching(plan.hiding, (*place)[i].hiding);
      matching(plan.allowing, (*place)[i].allowing);
    }
  }
  return (*place)[static_cast<size_t>(hook)];
}

const ToolClass* ToolCache::share(ToolClass made) {
  for (const std::unique_ptr<ToolClass>& known : classes_) {
    if (*known == made) {
      return known.get();
    }
  }
  classes_.push_back(std::make_unique<ToolClass>(std::move(made)));
  return classes_.back().get();
}

}  // namespace catalyst::decision
