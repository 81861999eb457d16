#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "runtime/mcp/duplex_link.h"
#include "runtime/mcp/readiness.h"
#include "runtime/mcp/upstream.h"
#include "runtime/mcp/upstream_wire.h"

namespace catalyst::mcp {

struct DuplexUpstreamOptions {
  std::string name;
  DuplexConnect connect;
  std::optional<Era> era;  // set: no probing
  GatewayIdentity identity;
  int64_t probe_timeout_ms = 5'000;      // server/discover; a runtime that is slow to start counts
  int64_t greeting_timeout_ms = 30'000;  // initialize; package runners may download first
  int64_t ready_timeout_ms = 10'000;     // how long a call waits for a server that is starting
  int64_t backoff_min_ms = 500;
  int64_t backoff_max_ms = 30'000;
  int64_t healthy_ms = 10'000;  // lived that long: the next restart is a first one again
  int64_t stop_timeout_ms = 10'000;
  size_t max_message_bytes = size_t{16} * 1024 * 1024;
  size_t max_queued_bytes = size_t{32} * 1024 * 1024;  // written but not yet taken by the server
  size_t max_calls = 10'000;                           // in flight
  std::function<void(std::string_view line)> log = [](auto&&) {
  };  // what an operator should know; home executor
};

/// A server at the other end of a connection on which messages go both ways: a child's standard input and
/// output, or HTTP+SSE. One connection is one session. Everything but the caller's side of call() happens on
/// the home executor, whose thread must live until stop() is done. Created with std::make_shared.
class DuplexUpstream final : public Upstream, public std::enable_shared_from_this<DuplexUpstream> {
 public:
  DuplexUpstream(Executor home, DuplexUpstreamOptions options);
  ~DuplexUpstream() override;

  [[nodiscard]] const std::string& name() const override { return options_.name; }
  [[nodiscard]] UpstreamState state() const override { return readiness_.state(); }
  [[nodiscard]] std::string last_error() const override { return readiness_.last_error(); }
  void start(UpstreamEvent on_event) override;
  Task<Result<std::shared_ptr<const UpstreamInfo>>> ready(int64_t timeout_ms) override {
    return readiness_.wait(timeout_ms);
  }
  Task<Result<UpstreamReply>> call(const UpstreamCall& call) override;
  Task<Result<void>> notify(std::string_view method, std::string_view params,
                            UpstreamSession* session) override;
  [[nodiscard]] bool shared() const override { return true; }
  /// See DuplexPool.
  std::shared_ptr<UpstreamSession> open(ClientTerms) override { return nullptr; }
  Task<Result<std::string>> establish(UpstreamSession&) override { co_return std::string(); }
  void watch(std::vector<std::string> uris) override;
  Task<void> stop() override;
  /// Called when a new connection has been greeted in place of one that ended; home executor. Set before
  /// start.
  void on_renewed(std::function<void()> callback) { on_renewed_ = std::move(callback); }
  /// The last greeting; nullptr before the first.
  [[nodiscard]] std::shared_ptr<const UpstreamInfo> info() const { return readiness_.info(); }

  [[nodiscard]] uint64_t dropped() const override { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct Pending;
  using PendingPtr = std::shared_ptr<Pending>;

  // duplex_upstream.cpp: calls
  Task<Result<UpstreamReply>> ask(std::string text, uint64_t id, int64_t timeout_ms, uint64_t generation,
                                  const UpstreamCall* call);
  void submit(const PendingPtr& pending);
  void abandon(const PendingPtr& pending);
  void fail_all(const Error& failure);
  void take_message(std::string_view text);
  void take_request(const WireMessage& message);
  void take_response(const WireMessage& message, std::string_view line);
  void take_notification(const WireMessage& message, std::string_view line);
  void arm_deadlines();
  void check_deadlines();

  // duplex_life.cpp: the connection
  Task<void> run();
  Task<Result<UpstreamInfo>> greet(bool probe, bool& probe_ended_it);
  Task<void> live();
  void listen();
  Task<std::string> bury();
  Task<void> pause(int64_t ms);
  [[nodiscard]] Error ended() const;
  void fail_undelivered(std::string_view message, const Error& why);

  const Executor home_;
  const DuplexUpstreamOptions options_;
  Readiness readiness_;
  std::atomic<uint64_t> next_id_{1};
  std::atomic<uint64_t> dropped_{0};
  std::atomic<uint64_t> generation_{0};  // of the connection that is Ready; 0: none
  std::atomic<Era> era_{Era::Legacy};    // of that server
  std::atomic<bool> stopping_{false};

  // Home executor only.
  UpstreamEvent on_event_;
  std::function<void()> on_renewed_ = [] {};
  std::shared_ptr<DuplexLink> link_;
  std::vector<std::string> watched_;
  uint64_t listening_ = 0;  // id of the subscription; 0: none
  uint64_t connected_ = 0;
  bool was_ready_ = false;
  std::unordered_map<uint64_t, PendingPtr> pending_;
  SteadyTimer timer_;      // of run()
  SteadyTimer deadlines_;  // coarse, armed while calls are in flight
  bool deadlines_armed_ = false;
};

}  // namespace catalyst::mcp
