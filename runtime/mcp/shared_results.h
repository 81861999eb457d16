#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/asio.h"
#include "runtime/mcp/seal.h"
#include "runtime/redis/client.h"

namespace catalyst::mcp {

enum class SharedUse : uint8_t {
#define SHARED_USE(name, text) name,
#include "runtime/mcp/shared_use.def"
#undef SHARED_USE
};
inline constexpr std::string_view kSharedUses[] = {
#define SHARED_USE(name, text) text,
#include "runtime/mcp/shared_use.def"
#undef SHARED_USE
};

/// The second level of the result cache: results that other engines have fetched, in a Redis. Redis is not
/// believed: every value is sealed with the secrets that the engines share, for its key and until its time,
/// so whoever can write to Redis can take results away and put old ones back for as long as they were good,
/// and no more. Nor is it told anything: keys are digests under the same secrets. Any thread.
class SharedResults {
 public:
  /// `prefix` begins all keys there; engines that share it must have the same servers and mean the same by a
  /// principal's id. `secrets` as for Sealer, at least one. `client` outlives this.
  SharedResults(redis::Client& client, const std::vector<std::string>& secrets, std::string prefix)
      : client_(client), sealer_(secrets), prefix_(std::move(prefix)) {}

  struct Found {
    std::string result;  // a JSON object
    int64_t ttl_ms = 0;  // how long it is good yet
    size_t key = 0;      // which of the keys it was under
  };
  /// The result under the first of these keys that has one. Waits for the client's time-out at most, and not
  /// at all while there is no connection. No result is good for longer than `ttl_max_ms`, whatever it says,
  /// and `wait_ms` may be less than the time-out.
  Task<std::optional<Found>> find(std::vector<std::string> keys, int64_t ttl_max_ms,
                                  int64_t wait_ms = INT64_MAX);
  void put(std::string_view key, std::string_view result_json, int64_t ttl_ms);

  [[nodiscard]] bool connected() const { return client_.connected(); }
  [[nodiscard]] uint64_t count(SharedUse use) const { return counts_[static_cast<size_t>(use)]; }

 private:
  struct Wait;
  [[nodiscard]] std::string name_of(std::string_view key) const;
  [[nodiscard]] std::optional<Found> open(std::string_view key, std::string_view sealed, int64_t ttl_max_ms);
  void note(SharedUse use) { counts_[static_cast<size_t>(use)].fetch_add(1, std::memory_order_relaxed); }

  redis::Client& client_;
  const Sealer sealer_;
  const std::string prefix_;
  std::array<std::atomic<uint64_t>, std::size(kSharedUses)> counts_{};
};

}  // namespace catalyst::mcp
