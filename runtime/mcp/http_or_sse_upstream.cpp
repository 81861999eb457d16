#include "runtime/mcp/http_or_sse_upstream.h"

#include "runtime/base/clock.h"

namespace catalyst::mcp {

/// A client's session. One that was opened before it was known what the server speaks is opened again.
class HttpOrSseUpstream::Session final : public UpstreamSession {
 public:
  Session(Upstream& of, std::shared_ptr<UpstreamSession> inner, ClientTerms terms)
      : of_(&of), inner_(std::move(inner)), terms_(std::move(terms)) {}

  std::shared_ptr<UpstreamSession> inner(Upstream& now) {
    const std::lock_guard lock(mutex_);
    if (of_ != &now) {
      of_ = &now;
      inner_ = now.open(terms_);
      if (listening_ && inner_ != nullptr) {
        inner_->listen();
      }
    }
    return inner_;
  }
  void listen() override {
    const std::lock_guard lock(mutex_);
    listening_ = true;
    if (inner_ != nullptr) {
      inner_->listen();
    }
  }
  void end() override {
    const std::lock_guard lock(mutex_);
    if (inner_ != nullptr) {
      inner_->end();
    }
  }

 private:
  std::mutex mutex_;
  Upstream* of_;
  std::shared_ptr<UpstreamSession> inner_;
  const ClientTerms terms_;
  bool listening_ = false;
};

HttpOrSseUpstream::HttpOrSseUpstream(const Executor& home, HttpUpstreamOptions options,
                                     std::function<std::shared_ptr<Upstream>()> sse)
    : make_sse_(std::move(sse)), now_(nullptr) {
  options.found_sse = [this] { switch_over(); };  // by its own upkeep, which ends before this does
  http_ = std::make_shared<HttpUpstream>(home, std::move(options));
  now_ = http_.get();
}

HttpOrSseUpstream::~HttpOrSseUpstream() = default;

void HttpOrSseUpstream::start(UpstreamEvent on_event) {
  on_event_ = on_event;
  http_->start(std::move(on_event));
}

void HttpOrSseUpstream::switch_over() {
  sse_ = make_sse_();
  sse_->start(on_event_);
  now_.store(sse_.get(), std::memory_order_release);
}

Task<Result<std::shared_ptr<const UpstreamInfo>>> HttpOrSseUpstream::ready(int64_t timeout_ms) {
  const std::shared_ptr<HttpOrSseUpstream> self = shared_from_this();
  const int64_t deadline_ms = steady_ms() + timeout_ms;
  Upstream* const before = &now();
  auto info = co_await before->ready(timeout_ms);
  if (info || &now() == before) {
    co_return info;
  }
  co_return co_await now().ready(std::max<int64_t>(1, deadline_ms - steady_ms()));
}

std::shared_ptr<UpstreamSession> HttpOrSseUpstream::open(ClientTerms terms) {
  Upstream& upstream = now();
  ClientTerms kept = terms;
  std::shared_ptr<UpstreamSession> inner = upstream.open(std::move(terms));
  return inner == nullptr ? nullptr : std::make_shared<Session>(upstream, std::move(inner), std::move(kept));
}

std::shared_ptr<UpstreamSession> HttpOrSseUpstream::inner(UpstreamSession* session) {
  return session == nullptr ? nullptr : static_cast<Session*>(session)->inner(now());
}

Task<Result<UpstreamReply>> HttpOrSseUpstream::call(const UpstreamCall& call) {
  const std::shared_ptr<UpstreamSession> session = inner(call.session);
  UpstreamCall own = call;
  own.session = session.get();
  co_return co_await now().call(own);
}

Task<Result<void>> HttpOrSseUpstream::notify(std::string_view method, std::string_view params,
                                             UpstreamSession* session) {
  const std::shared_ptr<UpstreamSession> own = inner(session);
  co_return co_await now().notify(method, params, own.get());
}

Task<Result<std::string>> HttpOrSseUpstream::establish(UpstreamSession& session) {
  const std::shared_ptr<UpstreamSession> own = inner(&session);
  co_return own == nullptr ? Result<std::string>(std::string()) : co_await now().establish(*own);
}

Task<void> HttpOrSseUpstream::stop() {
  const std::shared_ptr<HttpOrSseUpstream> self = shared_from_this();
  co_await http_->stop();
  if (Upstream& upstream = now(); &upstream != http_.get()) {
    co_await upstream.stop();
  }
}

}  // namespace catalyst::mcp
