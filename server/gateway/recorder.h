#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/decision/engine.h"
#include "runtime/mcp/observer.h"
#include "runtime/observe/audit.h"
#include "runtime/observe/metrics.h"

namespace catalyst::server {

/// Turns finished requests into numbers, log lines and audit records. Runs on the connections' threads; takes
/// no lock unless a rule asked for an audit record or the pack changed since the thread's last request.
class Recorder final : public mcp::Observer {
 public:
  /// `audit` may be nullptr: records then go to the log. Both must outlive the recorder.
  Recorder(observe::Metrics& metrics, observe::AuditLog* audit);
  ~Recorder() override;

  /// Must be called with every pack before it decides anything. Any thread.
  void register_pack(const std::shared_ptr<const decision::Pack>& pack);
  /// How often each rule of the pack decided so far; rules are known by their names. Any thread.
  [[nodiscard]] std::vector<uint64_t> decided(const decision::Pack& pack) const;

  void on_request(const mcp::RequestRecord& record) noexcept override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace catalyst::server
