#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace catalyst::mcp {

/// Results of calls that a client wanted as tasks and that their servers answered at once, until the client
/// fetches them. Any thread. Bounded: the oldest go.
class HeldResults {
 public:
  explicit HeldResults(size_t bytes_max) : max_(bytes_max) {}

  struct Held {
    std::string result;   // as the server gave it
    int64_t made_ms = 0;  // wall clock
    int64_t ttl_ms = 0;
  };
  /// The id under which it is held; "" when it is too large.
  std::string add(Held held);
  /// nullptr when it is not held any more.
  [[nodiscard]] std::shared_ptr<const Held> find(std::string_view id, int64_t wall_ms) const;

 private:
  void drop_oldest_locked();

  const size_t max_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Held>, std::less<>> held_;
  std::deque<std::string> order_;
  size_t bytes_ = 0;
};

}  // namespace catalyst::mcp
