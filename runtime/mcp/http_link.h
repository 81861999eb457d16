#pragma once

// Internal to the HTTP transport: one client's session with a server that keeps sessions.

#include "runtime/mcp/http_upstream.h"

namespace catalyst::mcp {

/// Shared by the handle and the coroutine that listens.
struct HttpUpstream::LinkState {
  explicit LinkState(ClientTerms terms_) : terms(std::move(terms_)) {}
  const ClientTerms terms;

  std::mutex mutex;
  SessionPtr session;  // nullptr: not greeted yet, or forgotten
  bool greeted = false;
  bool listening = false;
  bool closed = false;

  asio::cancellation_signal cancel_listen;  // home executor only
};

class HttpUpstream::Link final : public UpstreamSession {
 public:
  Link(std::shared_ptr<HttpUpstream> upstream, ClientTerms terms)
      : upstream_(std::move(upstream)), state_(std::make_shared<LinkState>(std::move(terms))) {}
  ~Link() override;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void listen() override;
  void end() override;
  [[nodiscard]] const LinkPtr& state() const { return state_; }

 private:
  [[nodiscard]] SessionPtr close();

  const std::shared_ptr<HttpUpstream> upstream_;
  const LinkPtr state_;
};

}  // namespace catalyst::mcp
