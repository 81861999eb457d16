#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/mcp/stdio_upstream.h"
#include "runtime/mcp/upstream.h"

namespace catalyst::mcp {

struct StdioPoolOptions {
  size_t processes = 64;      // beside the first; a principal that comes later is refused
  int64_t idle_ms = 600'000;  // a process nobody holds a session with ends after this
};

/// A stdio server of which every principal has a process of its own, since a server of the old generation
/// takes its standard input for one client. The first process also serves the catalogue; it belongs to the
/// principal that comes first. A server of the new generation keeps nothing of its clients: one process
/// serves all. Any thread.
class StdioPool final : public Upstream, public std::enable_shared_from_this<StdioPool> {
 public:
  StdioPool(Executor home, StdioUpstreamOptions options, StdioPoolOptions limits);
  ~StdioPool() override;

  [[nodiscard]] const std::string& name() const override { return first_->name(); }
  [[nodiscard]] UpstreamState state() const override { return first_->state(); }
  [[nodiscard]] std::string last_error() const override { return first_->last_error(); }
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
  struct Process;
  class Session;

  std::vector<std::shared_ptr<Session>> sessions_of(const std::shared_ptr<Process>& process);
  void renewed(const std::shared_ptr<Process>& process);
  void on_event(const std::shared_ptr<Process>& process, std::string_view method, std::string_view message);
  void sweep_locked(int64_t now_ms);

  const Executor home_;
  const StdioUpstreamOptions options_;
  const StdioPoolOptions limits_;
  const std::shared_ptr<StdioUpstream> first_;

  std::shared_ptr<Process> first_process_;  // immutable once started
  std::mutex mutex_;                        // held for a few instructions
  bool stopped_ = false;
  std::map<std::string, std::shared_ptr<Process>, std::less<>> processes_;  // by principal
  bool first_taken_ = false;
};

}  // namespace catalyst::mcp
