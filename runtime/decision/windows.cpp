#include "runtime/decision/windows.h"

#include <algorithm>
#include <bit>

#include "runtime/decision/engine.h"

namespace catalyst::decision {

using value::Value;

void count(WindowStore& store, const Pack& pack, std::span<const WindowEvent> events, int64_t now_us) {
  for (const WindowEvent& event : events) {
    store.add(pack.unit().windows[event.window], event.key, event.amount, now_us);
  }
}

struct alignas(64) MemoryWindowStore::Set {
  mutable std::atomic_flag lock;
  uint8_t changed = 0;       // bit i: counters[i] since it was last taken
  uint64_t ids[kWays] = {};  // 0: free
  std::unique_ptr<WindowCounter> counters[kWays];

  [[nodiscard]] size_t find(uint64_t id) const {
    return static_cast<size_t>(std::find(std::begin(ids), std::end(ids), id) - std::begin(ids));
  }
  /// A free place, else that of the counter that has been quiet for longest.
  [[nodiscard]] size_t place() const {
    size_t best = 0;
    for (size_t i = 0; i < kWays; ++i) {
      if (counters[i] == nullptr) {
        return i;
      }
      best = counters[i]->last_us() < counters[best]->last_us() ? i : best;
    }
    return best;
  }
};

MemoryWindowStore::MemoryWindowStore(size_t counters, const HashSecret& secret)
    : secret_(secret),
      mask_(std::bit_ceil(std::max<size_t>(counters / kWays, 1)) - 1),
      sets_(std::make_unique<Set[]>(mask_ + 1)) {}

MemoryWindowStore::~MemoryWindowStore() = default;

Value MemoryWindowStore::read(const abi::WindowInfo& window, std::string_view key,
                              int64_t now_us) const noexcept {
  const uint64_t id = keyed_hash(secret_, window.name, key);
  const Set& set = sets_[id & mask_];
  const Locked locked(set.lock);
  const size_t at = set.find(id);
  if (at == kWays || !set.counters[at]->is_of(window)) {
    return window.kind == abi::WindowKind::Sum ? Value::of_decimal(0, 0) : Value::of_int(0);
  }
  return set.counters[at]->read(now_us);
}

void MemoryWindowStore::add(const abi::WindowInfo& window, std::string_view key, const Value& amount,
                            int64_t now_us) noexcept {
  const uint64_t id = keyed_hash(secret_, window.name, key);
  const uint64_t text =
      window.kind == abi::WindowKind::Distinct ? keyed_hash(secret_.parts[1], amount.text()) : 0;
  Set& set = sets_[id & mask_];
  const Locked locked(set.lock);
  size_t at = set.find(id);
  if (at == kWays || !set.counters[at]->is_of(window)) {
    at = at == kWays ? set.place() : at;
    if (set.counters[at] != nullptr && set.ids[at] != id && set.counters[at]->expires_us() > now_us) {
      forgotten_.fetch_add(1, std::memory_order_relaxed);
    }
    set.ids[at] = id;
    set.counters[at] = std::make_unique<WindowCounter>(window.kind, window.within_us);
  }
  set.counters[at]->add(amount, text, now_us);
  set.changed |= static_cast<uint8_t>(1u << at);
}

std::vector<WindowRow> MemoryWindowStore::take_changed(size_t most) {
  std::vector<WindowRow> out;
  for (size_t looked = 0; looked <= mask_ && out.size() < most; ++looked) {
    Set& set = sets_[next_set_];
    const Locked locked(set.lock);
    for (size_t i = 0; i < kWays; ++i) {
      if ((set.changed >> i & 1) != 0) {
        out.push_back({set.ids[i], set.counters[i]->expires_us(), set.counters[i]->save()});
      }
    }
    set.changed = 0;
    next_set_ = (next_set_ + 1) & mask_;
  }
  return out;
}

void MemoryWindowStore::take_again(std::span<const WindowRow> rows) {
  for (const WindowRow& row : rows) {
    Set& set = sets_[row.id & mask_];
    const Locked locked(set.lock);
    if (const size_t at = set.find(row.id); at != kWays) {
      set.changed |= static_cast<uint8_t>(1u << at);
    }
  }
}

bool MemoryWindowStore::restore(const WindowRow& row) {
  std::optional<WindowCounter> counter = WindowCounter::load(row.bytes);
  if (!counter || row.id == 0) {
    return false;
  }
  Set& set = sets_[row.id & mask_];
  const Locked locked(set.lock);
  const size_t found = set.find(row.id);
  const size_t at = found == kWays ? set.place() : found;
  set.ids[at] = row.id;
  set.counters[at] = std::make_unique<WindowCounter>(std::move(*counter));
  set.changed &= static_cast<uint8_t>(~(1u << at));
  return true;
}

}  // namespace catalyst::decision
