#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace catalyst::routing {

/// Identical calls in flight: the first one is sent, the others get its answer. Any thread.
template <class Answer>
class Flights {
 public:
  /// Told to who waits, once, on the thread of whoever landed: the answer; or nullptr, when the call that was
  /// sent came to nothing and this one must go in its place. Must not block.
  using Landed = std::function<void(std::shared_ptr<const Answer> answer)>;

  /// 0: nobody is on the way with this key, go and `land`. Else the call waits, and this is its number.
  uint64_t join(std::string_view key, Landed landed) {
    const std::lock_guard lock(mutex_);
    const auto [flight, fresh] = flights_.try_emplace(std::string(key));
    if (fresh) {
      return 0;
    }
    flight->second.push_back({++last_, std::move(landed)});
    return last_;
  }

  /// The call of this key is over. nullptr: without an answer, so that the longest waiting one takes over.
  void land(std::string_view key, std::shared_ptr<const Answer> answer) {
    std::vector<Waiting> told;
    {
      const std::lock_guard lock(mutex_);
      const auto flight = flights_.find(std::string(key));
      if (flight == flights_.end()) {
        return;
      }
      if (answer == nullptr && !flight->second.empty()) {
        told.push_back(std::move(flight->second.front()));
        flight->second.erase(flight->second.begin());
      } else {
        told = std::move(flight->second);
        flights_.erase(flight);
      }
    }
    for (const Waiting& waiting : told) {
      waiting.landed(answer);
    }
  }

  /// Stops waiting. False: it has been told already.
  bool leave(std::string_view key, uint64_t number) {
    const std::lock_guard lock(mutex_);
    const auto flight = flights_.find(std::string(key));
    return flight != flights_.end() &&
           std::erase_if(flight->second, [&](const Waiting& w) { return w.number == number; }) > 0;
  }

  [[nodiscard]] size_t size() const {
    const std::lock_guard lock(mutex_);
    return flights_.size();
  }

 private:
  struct Waiting {
    uint64_t number = 0;
    Landed landed;
  };
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::vector<Waiting>> flights_;
  uint64_t last_ = 0;
};

}  // namespace catalyst::routing
