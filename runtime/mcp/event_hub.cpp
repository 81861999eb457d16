#include "runtime/mcp/event_hub.h"

#include <algorithm>

#include "runtime/mcp/envelope.h"
#include "runtime/value/json_text.h"

namespace catalyst::mcp {
namespace {

constexpr std::string_view kSubscriptionKey = "io.modelcontextprotocol/subscriptionId";

bool wants(const Listener& listener, ListKind kind) {
  switch (kind) {
    case ListKind::Tools:
      return listener.tools;
    case ListKind::Prompts:
      return listener.prompts;
    case ListKind::Resources:
    case ListKind::Templates:
      return listener.resources;
  }
  return false;
}

}  // namespace

EventHub::EventHub(SessionTable& sessions, size_t listeners_max)
    : sessions_(sessions), listeners_max_(listeners_max) {}

bool EventHub::add(const std::shared_ptr<Listener>& listener) {
  const std::lock_guard lock(mutex_);
  if (closed_ || listeners_.size() >= listeners_max_) {
    return false;
  }
  listeners_.push_back(listener);
  return true;
}

void EventHub::remove(const std::shared_ptr<Listener>& listener) {
  const std::lock_guard lock(mutex_);
  std::erase(listeners_, listener);
}

void EventHub::close_all() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (const std::shared_ptr<Listener>& listener : listeners_) {
    listener->queue.close();
  }
}

void EventHub::lists_changed(uint32_t server, const KindSet& kinds) {
  for (const ListKind kind : kListKinds) {
    if (!kinds[static_cast<size_t>(kind)]) {
      continue;
    }
    const std::string_view method = list_spec(kind).changed;
    const std::string plain = notification_message(method, {});
    sessions_.for_each([&](Session& session) {
      if (session.terms().scope.covers(server)) {
        session.events().push(plain, EventQueue::Repeat::Once);
      }
    });
    const std::lock_guard lock(mutex_);
    for (const std::shared_ptr<Listener>& listener : listeners_) {
      if (listener->scope.covers(server) && wants(*listener, kind)) {
        listener->queue.push(tagged_notification(method, "{}", listener->id_json), EventQueue::Repeat::Once);
      }
    }
  }
}

void EventHub::resource_updated(uint32_t server, std::string_view uri, std::string_view message) {
  // A legacy client knows no subscriptions: it gets what it would get from a legacy server.
  const std::string untagged =
      notification_message("notifications/resources/updated", R"({"uri":)" + value::json_string(uri) + "}");
  sessions_.for_each([&](Session& session) {
    if (session.terms().scope.covers(server) && session.is_subscribed(uri)) {
      session.events().push(untagged, EventQueue::Repeat::Once);
    }
  });
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<Listener>& listener : listeners_) {
    push_update_locked(*listener, server, uri, message);
  }
}

void EventHub::resource_updated(uint32_t server, std::string_view principal_id, std::string_view uri,
                                std::string_view message) {
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<Listener>& listener : listeners_) {
    if (listener->principal_id == principal_id) {
      push_update_locked(*listener, server, uri, message);
    }
  }
}

void EventHub::push_update_locked(Listener& listener, uint32_t server, std::string_view uri,
                                  std::string_view message) const {
  if (listener.scope.covers(server) && listener.uris.find(uri) != listener.uris.end()) {
    // The tag of the subscription between the server and us is replaced by that between us and the client.
    listener.queue.push(tagged_notification("notifications/resources/updated", find_member(message, "params"),
                                            listener.id_json),
                        EventQueue::Repeat::Once);
  }
}

void EventHub::logged(uint32_t server, LogLevel level, std::string_view message) {
  sessions_.for_each([&](Session& session) {
    const std::optional<LogLevel> wanted = session.log_level();
    // Without an open stream they would only pile up.
    if (session.has_stream() && session.terms().scope.covers(server) && wanted && level >= *wanted) {
      session.events().push(std::string(message));
    }
  });
}

bool EventHub::watch(uint32_t server, std::string_view principal_id, std::string_view uri) {
  const std::lock_guard lock(mutex_);
  return ++watches_[{server, std::string(principal_id), std::string(uri)}] == 1;
}

bool EventHub::unwatch(uint32_t server, std::string_view principal_id, std::string_view uri) {
  const std::lock_guard lock(mutex_);
  const auto found = watches_.find({server, std::string(principal_id), std::string(uri)});
  if (found == watches_.end() || --found->second > 0) {
    return false;
  }
  watches_.erase(found);
  return true;
}

std::vector<std::string> EventHub::watched(uint32_t server, std::string_view principal_id) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> uris;
  for (const auto& [key, count] : watches_) {
    if (std::get<0>(key) == server && std::get<1>(key) == principal_id) {
      uris.push_back(std::get<2>(key));
    }
  }
  return uris;
}

std::string tagged_notification(std::string_view method, std::string_view params_json,
                                std::string_view listener_id_json) {
  using Kind = MemberEdit::Kind;
  const MemberEdit tag = {Kind::Set, kSubscriptionKey, listener_id_json};
  const std::string_view meta = find_member(params_json, "_meta");
  const std::string tagged = edit_object(meta.starts_with('{') ? meta : "{}", {&tag, 1});
  const MemberEdit edit = {Kind::Set, "_meta", tagged};
  return notification_message(method, edit_object(params_json.empty() ? "{}" : params_json, {&edit, 1}));
}

}  // namespace catalyst::mcp
