#pragma once

#include <memory>

#include "runtime/base/clock.h"
#include "runtime/mcp/session.h"

namespace catalyst::mcp {

/// Gives a session's one stream back however its handler ends.
class StreamClaim {
 public:
  explicit StreamClaim(std::shared_ptr<Session> session)
      : session_(std::move(session)), held_(session_->open_stream()) {}
  ~StreamClaim() {
    if (held_) {
      session_->touch(steady_ms());
      session_->close_stream();
    }
  }
  StreamClaim(const StreamClaim&) = delete;
  StreamClaim& operator=(const StreamClaim&) = delete;
  [[nodiscard]] bool held() const { return held_; }

 private:
  std::shared_ptr<Session> session_;
  bool held_;
};

}  // namespace catalyst::mcp
