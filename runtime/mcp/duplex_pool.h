#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/mcp/duplex_upstream.h"
#include "runtime/mcp/upstream.h"

namespace catalyst::mcp {

struct DuplexPoolOptions {
  size_t connections = 64;    // beside the first; a principal that comes later is refused
  int64_t idle_ms = 600'000;  // a connection nobody holds a session with ends after this
};

/// A server to which every principal has a connection of its own, since a server of the old generation takes
/// what comes over one for one client. The first connection also serves the catalogue; it belongs to the
/// principal that comes first. A server of the new generation keeps nothing of its clients: one connection
/// serves all. Any thread.
class DuplexPool final : public Upstream, public std::enable_shared_from_this<DuplexPool> {
 public:
  DuplexPool(Executor home, DuplexUpstreamOptions options, DuplexPoolOptions limits);
  ~DuplexPool() override;

  [[nodiscard]] const std::string& name() const override { return first_->name(); }
  [[nodiscard]] UpstreamState state() const override { return first_->state(); }
  [[nodiscard]] std::string last_error() const override { return first_->last_error(); }
  [[nodiscard]] uint64_t dropped() const override;
  void start(UpstreamEvent on_event) override;
  Task<Result<std::shared_ptr<const UpstreamInfo>>> ready(int64_t timeout_ms) override {
    return first_->ready(timeout_ms);
  }
  Task<Result<UpstreamReply>> call(const UpstreamCall& call) override;
  Task<Result<void>> notify(std::string_view method, std::string_view params,
                            UpstreamSession* session) override;
  [[nodiscard]] bool shared() const override { return false; }
  std::shared_ptr<UpstreamSession> open(ClientTerms terms) override;
  Task<Result<std::string>> establish(UpstreamSession&) override { co_return std::string(); }
  void watch(std::vector<std::string> uris) override { first_->watch(std::move(uris)); }
  Task<void> stop() override;

 private:
  struct Connection;
  class Session;

  std::vector<std::shared_ptr<Session>> sessions_of(const std::shared_ptr<Connection>& connection);
  void renewed(const std::shared_ptr<Connection>& connection);
  void on_event(const std::shared_ptr<Connection>& connection, std::string_view method,
                std::string_view message);
  void sweep_locked(int64_t now_ms);

  const Executor home_;
  const DuplexUpstreamOptions options_;
  const DuplexPoolOptions limits_;
  const std::shared_ptr<DuplexUpstream> first_;

  std::shared_ptr<Connection> first_connection_;  // immutable once started
  mutable std::mutex mutex_;                      // held for a few instructions
  bool stopped_ = false;
  std::map<std::string, std::shared_ptr<Connection>, std::less<>> connections_;  // by principal
  bool first_taken_ = false;
  uint64_t dropped_before_ = 0;  // by connections that are no more
};

}  // namespace catalyst::mcp
