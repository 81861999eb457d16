#pragma once

#include <memory>

#include "runtime/mcp/request_context.h"
#include "runtime/mcp/session.h"

namespace catalyst::mcp {

/// Keeps a legacy client's call findable while it runs, through all its steps, so that it can be cancelled.
class CallEntry {
 public:
  /// The context has a session.
  explicit CallEntry(RequestContext& context)
      : session_(*context.session),
        call_(session_.begin_call(context.envelope.id_json, context.executor, context.exchange)) {}
  ~CallEntry() {
    if (call_ != nullptr) {
      session_.end_call(call_);
    }
  }
  CallEntry(const CallEntry&) = delete;
  CallEntry& operator=(const CallEntry&) = delete;
  /// nullptr when too many are in flight.
  [[nodiscard]] InFlight* get() const { return call_.get(); }

 private:
  Session& session_;
  std::shared_ptr<InFlight> call_;
};

}  // namespace catalyst::mcp
