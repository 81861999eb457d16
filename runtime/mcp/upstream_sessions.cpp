#include "runtime/mcp/upstream_sessions.h"

#include <algorithm>

namespace catalyst::mcp {

UpstreamSessions::Handle UpstreamSessions::get(uint32_t server, const std::function<Handle()>& open) {
  const std::lock_guard lock(mutex_);
  for (const auto& [of, session] : sessions_) {
    if (of == server) {
      return session;
    }
  }
  Handle session = closed_ ? nullptr : open();
  if (session != nullptr) {
    sessions_.emplace_back(server, session);
    if (listening_) {
      session->listen();
    }
  }
  return session;
}

UpstreamSessions::Handle UpstreamSessions::find(uint32_t server) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                  [&](const auto& entry) { return entry.first == server; });
  return found == sessions_.end() ? nullptr : found->second;
}

std::vector<std::pair<uint32_t, UpstreamSessions::Handle>> UpstreamSessions::all() const {
  const std::lock_guard lock(mutex_);
  return sessions_;
}

void UpstreamSessions::listen() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(listening_, true)) {
    for (const auto& [server, session] : sessions_) {
      session->listen();
    }
  }
}

void UpstreamSessions::close(Ending ending) {
  std::vector<std::pair<uint32_t, Handle>> ended;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    ended.swap(sessions_);
  }
  for (const auto& [server, session] : ended) {
    if (ending == Ending::Told) {
      session->end();
    }
  }
}

std::shared_ptr<UpstreamSessions> PrincipalSessions::get(std::string_view principal_id, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(principal_id);
  if (found != entries_.end()) {
    found->second.used_ms = now_ms;
    return found->second.sessions;
  }
  if (entries_.size() >= max_) {
    entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
      return a.second.used_ms < b.second.used_ms;
    }));
  }
  auto sessions = std::make_shared<UpstreamSessions>();
  sessions->listen();
  entries_.emplace(principal_id, Entry{sessions, now_ms});
  return sessions;
}

void PrincipalSessions::sweep(int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.second.sessions.use_count() == 1 && now_ms - entry.second.used_ms > idle_ms_;
  });
}

void PrincipalSessions::close_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [principal, entry] : entries_) {
    entry.sessions->close();
  }
  entries_.clear();
}

}  // namespace catalyst::mcp
