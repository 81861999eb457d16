#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "runtime/mcp/catalogue.h"
#include "runtime/mcp/catalogue_keeper.h"
#include "runtime/mcp/event_queue.h"
#include "runtime/mcp/session.h"

namespace catalyst::mcp {

/// A modern client's subscriptions/listen stream. Immutable but for its queue.
struct Listener {
  Listener(Scope scope_, std::string principal, std::string id, const SessionLimits& limits)
      : scope(scope_),
        principal_id(std::move(principal)),
        id_json(std::move(id)),
        queue(limits.stream_events, limits.stream_bytes) {}
  Scope scope;
  std::string principal_id;
  std::string id_json;  // of its request; tags every message
  bool tools = false;
  bool prompts = false;
  bool resources = false;
  std::set<std::string, std::less<>> uris;
  std::set<std::string, std::less<>> tasks;  // our ids
  EventQueue queue;
};

/// Passes what upstreams announce on to those clients that want to hear it. Any thread; events are rare, so
/// one lock serves.
class EventHub {
 public:
  EventHub(SessionTable& sessions, size_t listeners_max);

  /// False when there are too many.
  bool add(const std::shared_ptr<Listener>& listener);
  void remove(const std::shared_ptr<Listener>& listener);
  void close_all();

  void lists_changed(uint32_t server, const KindSet& kinds);
  /// notifications/resources/updated of a server that tells everybody the same.
  void resource_updated(uint32_t server, std::string_view uri, std::string_view message);
  /// The same of a principal's own session with a server: for its listeners alone.
  void resource_updated(uint32_t server, std::string_view principal_id, std::string_view uri,
                        std::string_view message);

  /// notifications/message that belongs to no call, of a server that keeps nothing of its clients: for legacy
  /// sessions that asked for log messages of this level.
  void logged(uint32_t server, LogLevel level, std::string_view message);

  /// Counts who watches a resource of a server on behalf of a principal ("" for everybody); true for the
  /// first, so that the server must be told.
  bool watch(uint32_t server, std::string_view principal_id, std::string_view uri);
  /// True when nobody is left.
  bool unwatch(uint32_t server, std::string_view principal_id, std::string_view uri);
  [[nodiscard]] std::vector<std::string> watched(uint32_t server, std::string_view principal_id) const;

 private:
  SessionTable& sessions_;
  const size_t listeners_max_;
  mutable std::mutex mutex_;
  bool closed_ = false;
  std::vector<std::shared_ptr<Listener>> listeners_;
  void push_update_locked(Listener& listener, uint32_t server, std::string_view uri,
                          std::string_view message) const;

  std::map<std::tuple<uint32_t, std::string, std::string>, size_t> watches_;
};

/// The message with the listener's tag in params._meta.
std::string tagged_notification(std::string_view method, std::string_view params_json,
                                std::string_view listener_id_json);

}  // namespace catalyst::mcp
