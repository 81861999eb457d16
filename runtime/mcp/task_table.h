#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace catalyst::mcp {

/// Which of our ids stands for a server's task, per principal: for what servers say about tasks by their own
/// ids, and for lists. What a client asks needs no table, since our ids say all. Any thread. Bounded: the
/// oldest are forgotten.
class TaskTable {
 public:
  explicit TaskTable(size_t tasks_max) : max_(tasks_max) {}

  struct Entry {
    uint32_t server = 0;
    std::string theirs;
    std::string ours;
  };

  void add(std::string_view principal_id, Entry entry);
  void remove(std::string_view principal_id, uint32_t server, std::string_view theirs);
  [[nodiscard]] std::optional<std::string> ours(std::string_view principal_id, uint32_t server,
                                                std::string_view theirs) const;
  /// The principal's latest, newest first, `count` at most.
  [[nodiscard]] std::vector<Entry> latest(std::string_view principal_id, size_t count) const;

 private:
  using Tasks = std::deque<Entry>;  // oldest first

  const size_t max_;
  mutable std::mutex mutex_;
  std::map<std::string, Tasks, std::less<>> principals_;
  std::deque<std::string> order_;  // principals of the tasks as they were added
};

}  // namespace catalyst::mcp
