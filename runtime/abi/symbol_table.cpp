#include "runtime/abi/symbol_table.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace catalyst::abi {

namespace {

constexpr int kAttempts = 512;            // multipliers tried for one group of names
constexpr uint32_t kStep = 0x9e3779b8u;   // even: odd multipliers follow each other
constexpr uint32_t kFirst = 0x85ebca6bu;  // odd

}  // namespace

SymbolTable::SymbolTable(std::span<const std::string> names)
    : names_(std::make_shared<const std::vector<std::string>>(names.begin(), names.end())) {
  const size_t capacity = std::bit_ceil(std::max<size_t>(names.size() + names.size() / 4, 8));
  const size_t groups = capacity / 4;
  cell_shift_ = 32 - static_cast<uint32_t>(std::countr_zero(capacity));
  group_shift_ = 64 - static_cast<uint32_t>(std::countr_zero(groups));
  cells_.resize(capacity);
  multipliers_.assign(groups, kFirst);
  std::vector<TextKey> keys;
  std::vector<std::vector<int32_t>> members(groups);
  for (const std::string& name : *names_) {
    const TextKey& key = keys.emplace_back(TextKey::of(name));
    members[key.hash() >> group_shift_].push_back(static_cast<int32_t>(keys.size() - 1));
    longest_ = std::max(longest_, name.size());
  }
  std::vector<size_t> order(groups);  // large groups first, while there is room
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t x, size_t y) {
    return members[x].size() != members[y].size() ? members[x].size() > members[y].size() : x < y;
  });
  for (const size_t group : order) {
    bool placed = members[group].empty();
    uint32_t multiplier = kFirst;
    for (int i = 0; !placed && i < kAttempts; ++i, multiplier += kStep) {
      multipliers_[group] = multiplier;
      placed = place_group(members[group], keys, multiplier);
    }
    if (!placed) {
      crowded_.insert(crowded_.end(), members[group].begin(), members[group].end());
      short_end_ = 0;
    }
  }
}

/// Puts names where `multiplier` leads them; false, and nothing done, when a cell is taken.
bool SymbolTable::place_group(std::span<const int32_t> group, std::span<const TextKey> keys,
                              uint32_t multiplier) {
  for (size_t i = 0; i < group.size(); ++i) {
    const TextKey& key = keys[static_cast<size_t>(group[i])];
    Cell& cell = cells_[(static_cast<uint32_t>(key.hash()) * multiplier) >> cell_shift_];
    if (cell.symbol >= 0) {
      for (size_t j = 0; j < i; ++j) {
        const TextKey& undone = keys[static_cast<size_t>(group[j])];
        cells_[(static_cast<uint32_t>(undone.hash()) * multiplier) >> cell_shift_] = Cell{};
      }
      return false;
    }
    cell = Cell{key, group[i]};
  }
  return true;
}

int32_t SymbolTable::find_exactly(std::string_view name) const noexcept {
  if (name.size() > longest_) {
    return -1;
  }
  const TextKey key = TextKey::of(name);
  const Cell& cell = cells_[place(key.hash())];
  if (cell.symbol >= 0 && cell.key == key && (*names_)[static_cast<size_t>(cell.symbol)] == name) {
    return cell.symbol;
  }
  for (const int32_t symbol : crowded_) {
    if ((*names_)[static_cast<size_t>(symbol)] == name) {
      return symbol;
    }
  }
  return -1;
}

}  // namespace catalyst::abi
