#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/store/store.h"

namespace catalyst::store {

struct SqliteOptions {
  bool read_only = false;          // for reports beside a running engine; nothing is created or migrated
  uint64_t max_bytes = 0;          // the file grows no further, as if the disk were full; 0: no limit of ours
  int64_t busy_timeout_ms = 5000;  // how long a lock of another process is waited for
};

/// One SQLite file in WAL mode: readers and the writer do not wait for each other, and what was committed
/// survives a crash. Brought to the newest schema when it is opened; never back.
Result<std::unique_ptr<Store>> open_sqlite(const std::string& path, const SqliteOptions& options = {});

}  // namespace catalyst::store
