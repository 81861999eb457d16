#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

namespace catalyst::mcp {

enum class ChannelEnd : uint8_t {
#define CHANNEL_END(name, text) name,
#include "runtime/mcp/channel_end.def"
#undef CHANNEL_END
};
inline constexpr std::string_view kChannelEnds[] = {
#define CHANNEL_END(name, text) text,
#include "runtime/mcp/channel_end.def"
#undef CHANNEL_END
};

/// Why the gateway ends one channel; the first reason stands. Any thread.
class EndReason {
 public:
  void say(ChannelEnd end) {
    int none = kNone;
    said_.compare_exchange_strong(none, static_cast<int>(end), std::memory_order_relaxed);
  }
  /// nullopt: the client left, or the whole gateway stops.
  [[nodiscard]] std::optional<ChannelEnd> said() const {
    const int end = said_.load(std::memory_order_relaxed);
    return end == kNone ? std::nullopt : std::optional(static_cast<ChannelEnd>(end));
  }

 private:
  static constexpr int kNone = -1;
  std::atomic<int> said_ = kNone;
};

/// How many channels of one kind ended for which reason. Any thread.
class ChannelEnds {
 public:
  void count(std::optional<ChannelEnd> end) {
    if (end) {
      counts_[static_cast<size_t>(*end)].fetch_add(1, std::memory_order_relaxed);
    }
  }
  [[nodiscard]] uint64_t of(ChannelEnd end) const { return counts_[static_cast<size_t>(end)]; }

 private:
  std::array<std::atomic<uint64_t>, std::size(kChannelEnds)> counts_{};
};

}  // namespace catalyst::mcp
