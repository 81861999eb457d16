#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace catalyst::mcp {

struct LabelLimits {
  size_t conversations =
      65'536;  // that carry labels at once; beyond, the ones longest without a new label are forgotten
  size_t labels = 32;               // of one conversation
  int64_t idle_us = 3'600'000'000;  // without a new label: forgotten
};

/// The labels that conversations carry, by a name for each (label_key). Any thread; a lock a stripe, taken
/// only by requests whose pack gives or reads labels.
class LabelStore {
 public:
  explicit LabelStore(const LabelLimits& limits) : limits_(limits) {}
  void add(const std::string& conversation, std::string_view label, int64_t now_us);
  [[nodiscard]] std::vector<std::string> of(const std::string& conversation, int64_t now_us);

 private:
  struct Entry {
    std::vector<std::string> labels;
    int64_t added_us = 0;
  };
  struct Stripe {
    std::mutex mutex;
    std::unordered_map<std::string, Entry> entries;  // guarded by mutex
  };
  static constexpr size_t kStripes = 64;
  Stripe& stripe(const std::string& conversation) {
    return stripes_[std::hash<std::string>{}(conversation) % kStripes];
  }
  void make_room(Stripe& stripe, int64_t now_us) const;

  const LabelLimits limits_;
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace catalyst::mcp
