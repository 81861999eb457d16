#include "runtime/mcp/task_table.h"

#include <algorithm>

namespace catalyst::mcp {

void TaskTable::add(std::string_view principal_id, Entry entry) {
  const std::lock_guard lock(mutex_);
  principals_[std::string(principal_id)].push_back(std::move(entry));
  order_.emplace_back(principal_id);
  while (order_.size() > max_) {
    const auto oldest = principals_.find(order_.front());
    order_.pop_front();
    oldest->second.pop_front();
    if (oldest->second.empty()) {
      principals_.erase(oldest);
    }
  }
}

void TaskTable::remove(std::string_view principal_id, uint32_t server, std::string_view theirs) {
  const std::lock_guard lock(mutex_);
  const auto found = principals_.find(principal_id);
  if (found == principals_.end()) {
    return;
  }
  Tasks& tasks = found->second;
  const auto entry = std::find_if(tasks.begin(), tasks.end(),
                                  [&](const Entry& e) { return e.server == server && e.theirs == theirs; });
  if (entry == tasks.end()) {
    return;
  }
  // The place in the order is that of the principal's task of the same rank.
  auto place = order_.begin();
  for (auto rank = entry - tasks.begin();; ++place) {
    if (*place == principal_id && rank-- == 0) {
      break;
    }
  }
  order_.erase(place);
  tasks.erase(entry);
  if (found->second.empty()) {
    principals_.erase(found);
  }
}

std::optional<std::string> TaskTable::ours(std::string_view principal_id, uint32_t server,
                                           std::string_view theirs) const {
  const std::lock_guard lock(mutex_);
  const auto found = principals_.find(principal_id);
  if (found == principals_.end()) {
    return std::nullopt;
  }
  const auto entry = std::find_if(found->second.rbegin(), found->second.rend(),
                                  [&](const Entry& e) { return e.server == server && e.theirs == theirs; });
  return entry == found->second.rend() ? std::nullopt : std::optional(entry->ours);
}

std::vector<TaskTable::Entry> TaskTable::latest(std::string_view principal_id, size_t count) const {
  const std::lock_guard lock(mutex_);
  const auto found = principals_.find(principal_id);
  if (found == principals_.end()) {
    return {};
  }
  const Tasks& tasks = found->second;
  return {tasks.rbegin(), tasks.rbegin() + static_cast<ptrdiff_t>(std::min(count, tasks.size()))};
}

}  // namespace catalyst::mcp
