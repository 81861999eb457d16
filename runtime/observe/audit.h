#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/result.h"

namespace catalyst::observe {

/// Audit records, one JSON object a line, appended to a file by a thread of its own, in batches: a record is
/// in the file within kLinger or as soon as kBatchBytes wait. A record is never dropped: when the disk is
/// slower than the requests, `append` waits for room.
class AuditLog {
 public:
  static constexpr size_t kQueueBytes = 16 * 1024 * 1024;  // of records that wait
  static constexpr size_t kBatchBytes = 1024 * 1024;
  static constexpr std::chrono::milliseconds kLinger{2};

  /// Opens (creates) `path` for appending, mode 0600.
  static Result<std::unique_ptr<AuditLog>> open(const std::string& path);
  /// Writes what waits.
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  /// Any thread. `record` is one JSON object without line breaks.
  void append(std::string_view record);
  /// Opens the path again, after a log rotation moved the file away. Any thread.
  void reopen();
  /// Writes that failed so far (disk full, say); the records of a failed write are lost and counted here.
  [[nodiscard]] uint64_t failures() const;

 private:
  struct Impl;
  explicit AuditLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::observe
