#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "runtime/base/asio.h"

namespace catalyst::mcp {

/// What becomes of a queue whose reader is too slow.
enum class Overflow : uint8_t {
  DropOldest,  // notifications: what is missed can be listed again
  Close,       // answers: the reader counts as gone
};

/// JSON-RPC messages waiting for one event stream. Any thread pushes; one coroutine at a time takes. Bounded,
/// since memory cannot be given back.
class EventQueue {
 public:
  EventQueue(size_t events_max, size_t bytes_max, Overflow overflow = Overflow::DropOldest);
  ~EventQueue();
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  /// False when closed. With `once`, nothing happens if the same message is already waiting.
  enum class Repeat { Allow, Once };
  bool push(std::string message, Repeat repeat = Repeat::Allow);

  /// The next message; nullopt when the queue is closed and empty, or the calling coroutine is cancelled.
  Task<std::optional<std::string>> next();
  /// The next message if one waits already.
  std::optional<std::string> take();

  /// Ends the queue: what waits is still delivered.
  void close();
  [[nodiscard]] bool closed() const;
  [[nodiscard]] size_t dropped() const;

 private:
  struct Waiter;
  void wake_locked();

  mutable std::mutex mutex_;
  std::deque<std::string> messages_;
  size_t bytes_ = 0;
  size_t dropped_ = 0;
  bool closed_ = false;
  std::shared_ptr<Waiter> waiter_;
  const size_t events_max_;
  const size_t bytes_max_;
  const Overflow overflow_;
};

/// `message` as one server-sent event. Line breaks between JSON tokens become spaces: inside strings they are
/// escaped anyway.
std::string sse_event(std::string_view message, std::string_view id = {});
/// An event without data that gives a client an id to come back with, and says how soon (2025-11-25).
std::string priming_event(std::string_view id);

}  // namespace catalyst::mcp
