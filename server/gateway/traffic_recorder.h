#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/decision/engine.h"
#include "runtime/store/store_thread.h"

namespace catalyst::server {

struct RecordOptions {
  int64_t max_age_ms = 0;
  uint64_t max_bytes = 0;         // of requests in the store
  std::vector<std::string> mask;  // member names whose values are never kept, wherever they stand
};

/// Keeps decisions of calls and results with their inputs, for replay. What rules redact is redacted first,
/// whether or not the rule applied; so is what patterns of the pack find anywhere, and the values of members
/// with a name that is masked. All of that on a thread of its own: a request costs a copy.
class TrafficRecorder {
 public:
  static constexpr size_t kQueueBytesMax =
      size_t{32} * 1024 * 1024;  // decisions beyond it are dropped and counted
  static constexpr size_t kRequestBytesMax = size_t{256} * 1024;  // larger ones are not recorded, and counted

  TrafficRecorder(store::StoreThread& store, RecordOptions options);
  /// What is queued is written.
  ~TrafficRecorder();
  TrafficRecorder(const TrafficRecorder&) = delete;
  TrafficRecorder& operator=(const TrafficRecorder&) = delete;

  /// Any thread, never waits.
  void record(const std::shared_ptr<const decision::Pack>& pack, const decision::Request& request,
              const decision::Verdict& verdict);

  [[nodiscard]] uint64_t recorded() const;
  [[nodiscard]] uint64_t dropped() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// `json` with the values of members called `names` (whatever their case) replaced; the same text when there
/// are none. What is no JSON is replaced as a whole. `*masked` is set when something was.
std::string mask_members(const std::string& json, const std::vector<std::string>& names, bool* masked);

}  // namespace catalyst::server
