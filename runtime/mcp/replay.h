#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/asio.h"

namespace catalyst::mcp {

/// The events of one session's streams, kept for a client that lost a connection and comes back with
/// Last-Event-ID. Any thread. Bounded: the oldest events make room. Stream 0 is the client's own GET stream,
/// the others are answers to its requests.
class ReplayStore {
 public:
  ReplayStore(size_t events_max, size_t bytes_max) : events_max_(events_max), bytes_max_(bytes_max) {}

  /// Where a client is in a stream: behind that event; 0 is the beginning.
  struct Place {
    uint64_t stream = 0;
    uint64_t event = 0;
  };
  struct Event {
    Place place;
    std::string message;
  };

  static std::string id_of(Place place);
  static std::optional<Place> parse(std::string_view id);

  /// A stream for the answer to a request.
  uint64_t open();
  /// Keeps the stream's next message.
  Place keep(uint64_t stream, std::string_view message);
  /// Nothing follows on this stream.
  void end(uint64_t stream);

  /// Whether the place is in a stream of this session that can go on from there.
  [[nodiscard]] bool knows(Place place) const;
  /// The first event behind the place if it is there already.
  [[nodiscard]] std::optional<Event> peek(Place after) const;
  /// The same, waiting for it while the stream goes on; nullopt when it is over or the calling coroutine is
  /// cancelled. One at a time waits.
  Task<std::optional<Event>> next(Place after);

 private:
  struct Stream {
    uint64_t last = 0;
    bool over = false;
  };

  [[nodiscard]] std::optional<Event> peek_locked(Place after) const;
  void wake_locked();

  const size_t events_max_;
  const size_t bytes_max_;
  mutable std::mutex mutex_;
  std::deque<Event> events_;
  size_t bytes_ = 0;
  std::map<uint64_t, Stream> streams_;  // those that go on, and those with events left
  uint64_t opened_ = 0;
  std::shared_ptr<SteadyTimer> waiter_;
};

}  // namespace catalyst::mcp
