#include "runtime/mcp/routed_session.h"

#include <algorithm>

namespace catalyst::mcp {

RoutedSession::RoutedSession(ClientTerms terms) : terms_(std::move(terms)) {
  const size_t blank = terms_.resume.find(' ');
  if (blank != std::string::npos) {
    resumed_at_ = terms_.resume.substr(0, blank);
    resumed_id_ = terms_.resume.substr(blank + 1);
  }
  terms_.resume.clear();
}

std::shared_ptr<UpstreamSession> RoutedSession::with(const std::shared_ptr<Upstream>& replica) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                  [&](const auto& entry) { return entry.first == replica; });
  if (found != sessions_.end()) {
    return found->second;
  }
  // Those of replicas that are gone end here.
  std::erase_if(sessions_, [](const auto& entry) { return entry.first->state() == UpstreamState::Stopped; });
  ClientTerms terms = terms_;
  terms.resume = replica->name() == resumed_at_ ? resumed_id_ : std::string();
  std::shared_ptr<UpstreamSession> session = replica->open(std::move(terms));
  if (session != nullptr && listening_) {
    session->listen();
  }
  sessions_.emplace_back(replica, session);
  return session;
}

std::vector<std::pair<std::shared_ptr<Upstream>, std::shared_ptr<UpstreamSession>>> RoutedSession::all()
    const {
  const std::lock_guard lock(mutex_);
  return sessions_;
}

void RoutedSession::listen() {
  const std::lock_guard lock(mutex_);
  listening_ = true;
  for (const auto& [replica, session] : sessions_) {
    if (session != nullptr) {
      session->listen();
    }
  }
}

void RoutedSession::end() {
  for (const auto& [replica, session] : all()) {
    if (session != nullptr) {
      session->end();
    }
  }
}

}  // namespace catalyst::mcp
