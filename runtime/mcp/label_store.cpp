#include "runtime/mcp/label_store.h"

#include <algorithm>

namespace catalyst::mcp {

void LabelStore::make_room(Stripe& stripe, int64_t now_us) const {
  if (stripe.entries.size() < std::max<size_t>(limits_.conversations / kStripes, 1)) {
    return;
  }
  std::erase_if(stripe.entries,
                [&](const auto& each) { return now_us - each.second.added_us > limits_.idle_us; });
  if (stripe.entries.size() < std::max<size_t>(limits_.conversations / kStripes, 1)) {
    return;
  }
  stripe.entries.erase(
      std::min_element(stripe.entries.begin(), stripe.entries.end(),
                       [](const auto& a, const auto& b) { return a.second.added_us < b.second.added_us; }));
}

void LabelStore::add(const std::string& conversation, std::string_view label, int64_t now_us) {
  Stripe& mine = stripe(conversation);
  const std::lock_guard lock(mine.mutex);
  if (!mine.entries.contains(conversation)) {
    make_room(mine, now_us);
  }
  Entry& entry = mine.entries[conversation];
  if (now_us - entry.added_us > limits_.idle_us) {
    entry.labels.clear();
  }
  entry.added_us = now_us;
  if (entry.labels.size() < limits_.labels &&
      std::find(entry.labels.begin(), entry.labels.end(), label) == entry.labels.end()) {
    entry.labels.emplace_back(label);
  }
}

std::vector<std::string> LabelStore::of(const std::string& conversation, int64_t now_us) {
  Stripe& mine = stripe(conversation);
  const std::lock_guard lock(mine.mutex);
  const auto found = mine.entries.find(conversation);
  return found == mine.entries.end() || now_us - found->second.added_us > limits_.idle_us
             ? std::vector<std::string>()
             : found->second.labels;
}

}  // namespace catalyst::mcp
