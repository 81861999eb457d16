// Clients' own sessions with a server of the old generation: greeted when first used, again when the server
// has forgotten them, ended with the client's.

#include "runtime/mcp/http_link.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

namespace catalyst::mcp {
namespace {

constexpr int64_t kListenRetryMs = 1'000;
constexpr int kForgotten = 404;

}  // namespace

std::shared_ptr<UpstreamSession> HttpUpstream::open(ClientTerms terms) {
  const std::shared_ptr<const UpstreamInfo> info = readiness_.info();
  if (options_.shared || (info != nullptr && info->era == Era::Modern)) {
    return nullptr;
  }
  return std::make_shared<Link>(shared_from_this(), std::move(terms));
}

HttpUpstream::LinkPtr HttpUpstream::link_of(UpstreamSession* client) {
  return client == nullptr ? nullptr : static_cast<Link*>(client)->state();
}

bool HttpUpstream::has_own_session(const LinkPtr& link, const Session& session) {
  return link != nullptr && session.info->era == Era::Legacy && !session.session_id.empty();
}

/// The session of a call when there is nothing to wait for, which is nearly always; else nullptr.
HttpUpstream::SessionPtr HttpUpstream::open_session(Slot& slot, const LinkPtr& link) {
  SessionPtr own = current(slot);
  if (own == nullptr || !has_own_session(link, *own)) {
    return own;
  }
  const std::lock_guard lock(link->mutex);
  return link->session;
}

Task<Result<HttpUpstream::SessionPtr>> HttpUpstream::session_of(Slot& slot, const LinkPtr& link,
                                                                int64_t timeout_ms) {
  Result<SessionPtr> own = co_await session_for(slot, timeout_ms);
  if (!own || !has_own_session(link, **own)) {
    co_return own;
  }
  {
    const std::lock_guard lock(link->mutex);
    if (link->session == nullptr && !link->greeted && !link->terms.resume.empty()) {
      link->greeted = true;
      link->session = make_session(*(*own)->info, link->terms.resume);
    }
    if (link->session != nullptr) {
      co_return link->session;
    }
  }
  Result<SessionPtr> fresh = co_await greet_legacy(link->terms.capabilities);
  if (!fresh) {
    co_return add_context(fresh.error(), options_.name);
  }
  SessionPtr spare;
  SessionPtr session = *fresh;
  bool renewed = false;
  {
    const std::lock_guard lock(link->mutex);
    if (link->closed) {
      spare = session;
    } else if (link->session != nullptr) {
      spare = std::exchange(session, link->session);  // another call was faster
    } else {
      link->session = session;
      renewed = std::exchange(link->greeted, true);
    }
  }
  if (spare != nullptr) {
    end_detached(spare);
  }
  if (renewed) {
    link->terms.on_renewed();
  }
  co_return session;
}

void HttpUpstream::forget(const LinkPtr& link, const SessionPtr& session) {
  const std::lock_guard lock(link->mutex);
  if (link->session == session) {
    link->session = nullptr;
  }
}

void HttpUpstream::end_detached(SessionPtr session) {
  asio::post(home_, [self = shared_from_this(), session = std::move(session)]() mutable {
    asio::co_spawn(self->home_, self->end_session(std::move(session)), [self](const std::exception_ptr&) {});
  });
}

Task<Result<std::string>> HttpUpstream::establish(UpstreamSession& session) {
  Slot& slot = slots_[client_.context_index(co_await asio::this_coro::executor)];
  const LinkPtr link = link_of(&session);
  const Result<SessionPtr> made = co_await session_of(slot, link, options_.ready_timeout_ms);
  if (!made) {
    co_return made.error();
  }
  const std::lock_guard lock(link->mutex);
  co_return link->session == nullptr ? std::string() : link->session->session_id;
}

HttpUpstream::SessionPtr HttpUpstream::Link::close() {
  asio::post(upstream_->home_,
             [state = state_] { state->cancel_listen.emit(asio::cancellation_type::terminal); });
  const std::shared_ptr<const UpstreamInfo> info = upstream_->readiness_.info();
  const std::lock_guard lock(state_->mutex);
  SessionPtr session = std::exchange(state_->session, nullptr);
  if (session == nullptr && !state_->closed && !state_->greeted && !state_->terms.resume.empty() &&
      info != nullptr) {
    session = upstream_->make_session(*info, state_->terms.resume);  // made for it, and never used
  }
  state_->closed = true;
  return session;
}

void HttpUpstream::Link::end() {
  if (SessionPtr session = close()) {
    upstream_->end_detached(std::move(session));
  }
}

HttpUpstream::Link::~Link() {
  if (SessionPtr session = close(); session != nullptr && state_->terms.ends) {
    upstream_->end_detached(std::move(session));
  }
}

void HttpUpstream::Link::listen() {
  {
    const std::lock_guard lock(state_->mutex);
    if (std::exchange(state_->listening, true)) {
      return;
    }
  }
  if (++upstream_->listening_ > upstream_->options_.listening) {
    --upstream_->listening_;  // calls need connections, too
    return;
  }
  asio::post(upstream_->home_, [upstream = upstream_, state = state_] {
    asio::co_spawn(upstream->home_, upstream->keep_listening(state),
                   asio::bind_cancellation_slot(
                       state->cancel_listen.slot(),
                       [upstream, state](const std::exception_ptr&) { --upstream->listening_; }));
  });
}

Task<void> HttpUpstream::keep_listening(LinkPtr link) {
  const std::shared_ptr<HttpUpstream> self = shared_from_this();
  Slot& slot = slots_[client_.context_index(co_await asio::this_coro::executor)];
  SteadyTimer timer(home_);
  SessionPtr before;
  std::string last_event_id;
  while (!stopping_) {
    int64_t retry_ms = kListenRetryMs;
    const Result<SessionPtr> session = co_await session_of(slot, link, options_.ready_timeout_ms);
    if (session) {
      if ((*session)->info->era == Era::Modern || (*session)->session_id.empty()) {
        co_return;  // nothing is said to one client alone
      }
      if (*session != before) {
        before = *session;
        last_event_id.clear();
      }
      const int status = co_await listen_once(*session, &link->terms, last_event_id, retry_ms);
      if (status == kForgotten) {
        forget(link, *session);
      } else if (status != 200 && status != 0) {
        co_return;  // the server has no such stream
      }
    }
    timer.expires_after(std::chrono::milliseconds(retry_ms));
    co_await timer.async_wait(use_awaitable);
  }
}

}  // namespace catalyst::mcp
