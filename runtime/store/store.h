#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/base/result.h"

namespace catalyst::store {

/// What went wrong, for callers that do something about it.
enum class Errc : int {
  None,
  Unavailable,  // cannot be opened, or the disk failed
  Busy,         // someone else kept it locked for too long
  Full,         // no space left
  Corrupt,      // not a store of ours, or damaged
  Newer,        // written by a later version
  Misuse,       // our own statement is wrong
};
boost::system::error_code make_error_code(Errc code);

/// One release of a policy, as it was deployed.
struct PackRow {
  int64_t id = 0;
  std::string name;
  std::string version;
  uint64_t sequence = 0;
  std::string digest;  // lower-case hexadecimal
  int64_t added_at_ms = 0;
  std::string added_by;
};

/// Which releases decide. An id of 0: none; for `stable` that means the policy files.
struct Placement {
  int64_t stable = 0;
  int64_t canary = 0;
  uint32_t canary_share = 0;  // of 10,000 principals
  int64_t shadow = 0;
  bool operator==(const Placement&) const = default;
};

/// One change of the placement, the newest first in lists.
struct PlacementRow {
  int64_t at_ms = 0;
  std::string by;
  std::string what;  // "deploy", "rollback", ...
  Placement placement;
};

/// One decision with what it was made from.
struct DecisionRow {
  int64_t at_us = 0;  // since the epoch
  std::string pack;   // "acme.gateway@1.4.0"
  std::string server;
  std::string tool;
  std::string outcome;  // "allow", "deny", "hide"
  std::string rule;     // "" when the default decided
  std::string request;  // JSON, as `catalyst eval` reads it
  bool masked = false;  // something in the request was replaced before it was kept
};

/// How much of the recorded traffic is kept.
struct DecisionLimits {
  int64_t oldest_us = 0;  // what is older goes
  uint64_t bytes = 0;     // of requests; the oldest go first
};

/// What a window has counted for one key.
struct WindowRow {
  uint64_t id = 0;         // hash of window and key under the store's secret
  int64_t expires_us = 0;  // since the epoch: when nothing of it counts any more
  std::string bytes;       // as runtime/decision writes it
};

/// Where things outlive the process. Every call blocks: from threads of their own alone (StoreThread). A call
/// is one transaction: after an error nothing of it happened. Not thread-safe.
class Store {
 public:
  virtual ~Store() = default;

  /// The id of the pack with this digest, added when it is new.
  virtual Result<int64_t> add_pack(const PackRow& row, const std::string& bytes) = 0;
  /// Newest first, without their bytes.
  virtual Result<std::vector<PackRow>> packs(size_t limit) = 0;
  virtual Result<std::string> pack_bytes(int64_t id) = 0;

  virtual Result<Placement> placement() = 0;
  virtual Result<void> place(const PlacementRow& row) = 0;
  virtual Result<std::vector<PlacementRow>> placements(size_t limit) = 0;

  /// All or none.
  virtual Result<void> add_decisions(std::span<const DecisionRow> rows) = 0;
  /// In the order of time, from `since_us` on, until `visit` answers false.
  virtual Result<void> each_decision(int64_t since_us,
                                     const std::function<bool(const DecisionRow&)>& visit) = 0;
  virtual Result<void> trim_decisions(const DecisionLimits& limits) = 0;

  /// The secret that the ids of windows are made with; `fresh` becomes it when there is none yet.
  virtual Result<std::string> window_secret(const std::string& fresh) = 0;
  /// All or none; what has expired before `now_us` goes.
  virtual Result<void> put_windows(std::span<const WindowRow> rows, int64_t now_us) = 0;
  /// Those that still count something, the ones that expire last first.
  virtual Result<std::vector<WindowRow>> windows(int64_t now_us, size_t limit) = 0;
};

}  // namespace catalyst::store
