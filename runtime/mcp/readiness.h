#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/base/asio.h"
#include "runtime/base/result.h"
#include "runtime/mcp/upstream.h"

namespace catalyst::mcp {

/// What the outside may know of an upstream: its state, its last greeting and its last failure. Written by
/// the upstream's home executor, read by any thread.
class Readiness {
 public:
  explicit Readiness(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] UpstreamState state() const { return state_.load(std::memory_order_acquire); }
  [[nodiscard]] std::string last_error() const;
  [[nodiscard]] std::shared_ptr<const UpstreamInfo> info() const;

  void set(UpstreamState state) { state_.store(state, std::memory_order_release); }
  /// Ready, with this greeting; forgets the last failure.
  void publish(std::shared_ptr<const UpstreamInfo> info);
  void fail(std::string text, UpstreamState state);

  /// After a new greeting of an upstream that was ready before: its lists may be different ones.
  static void announce_changes(const UpstreamEvent& on_event);

  /// Until Ready; fails at the deadline, or at once when Stopped.
  Task<Result<std::shared_ptr<const UpstreamInfo>>> wait(int64_t timeout_ms) const;
  /// Why no call can be made now.
  [[nodiscard]] Error refusal() const;

 private:
  const std::string name_;
  std::atomic<UpstreamState> state_{UpstreamState::Stopped};
  mutable std::mutex mutex_;
  std::shared_ptr<const UpstreamInfo> info_;
  std::string last_error_;
};

}  // namespace catalyst::mcp
