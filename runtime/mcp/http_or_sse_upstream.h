#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/mcp/http_upstream.h"
#include "runtime/mcp/upstream.h"

namespace catalyst::mcp {

/// A server of which only the address is known: Streamable HTTP, or where that is refused and a GET opens an
/// event stream, HTTP+SSE (specification 2025-11-25, transports, backwards compatibility). What was found is
/// kept until the end. Created with std::make_shared.
class HttpOrSseUpstream final : public Upstream, public std::enable_shared_from_this<HttpOrSseUpstream> {
 public:
  /// `sse` makes the upstream that takes over when it turns out to be needed.
  HttpOrSseUpstream(const Executor& home, HttpUpstreamOptions options,
                    std::function<std::shared_ptr<Upstream>()> sse);
  ~HttpOrSseUpstream() override;

  [[nodiscard]] const std::string& name() const override { return http_->name(); }
  [[nodiscard]] UpstreamState state() const override { return now().state(); }
  [[nodiscard]] std::string last_error() const override { return now().last_error(); }
  [[nodiscard]] uint64_t dropped() const override { return now().dropped(); }
  void start(UpstreamEvent on_event) override;
  Task<Result<std::shared_ptr<const UpstreamInfo>>> ready(int64_t timeout_ms) override;
  Task<Result<UpstreamReply>> call(const UpstreamCall& call) override;
  Task<Result<void>> notify(std::string_view method, std::string_view params,
                            UpstreamSession* session) override;
  [[nodiscard]] bool shared() const override { return now().shared(); }
  std::shared_ptr<UpstreamSession> open(ClientTerms terms) override;
  Task<Result<std::string>> establish(UpstreamSession& session) override;
  void watch(std::vector<std::string> uris) override { now().watch(std::move(uris)); }
  Task<void> stop() override;

 private:
  class Session;
  [[nodiscard]] Upstream& now() const { return *now_.load(std::memory_order_acquire); }
  /// The session as the upstream of now knows it.
  std::shared_ptr<UpstreamSession> inner(UpstreamSession* session);
  void switch_over();

  std::shared_ptr<HttpUpstream> http_;
  const std::function<std::shared_ptr<Upstream>()> make_sse_;
  std::shared_ptr<Upstream> sse_;  // set once, before now_ points to it
  std::atomic<Upstream*> now_;
  UpstreamEvent on_event_;
};

}  // namespace catalyst::mcp
