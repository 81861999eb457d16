#pragma once

// Internal to the routed upstream: one replica.

#include <atomic>
#include <memory>
#include <string>

#include "runtime/mcp/routed_upstream.h"

namespace catalyst::mcp {

struct RoutedUpstream::Replica {
  Lane lane;
  bool owned = false;               // made here: started and stopped here
  std::atomic<bool> known = false;  // its definitions have been seen
  std::atomic<bool> dirty = false;  // and have changed since
  std::atomic<bool> gone = false;
  // The home executor's.
  std::shared_ptr<const UpstreamInfo> info;  // of the greeting that was looked at last
  std::string digest;
  bool differs = false;
  int64_t check_at_ms = 0;
  int64_t inspect_at_ms = 0;  // not before, after a failure
};

}  // namespace catalyst::mcp
