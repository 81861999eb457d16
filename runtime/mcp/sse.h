#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace catalyst::mcp {

/// One dispatched event. Views live until the visitor returns.
struct SseEvent {
  std::string_view type;  // "message" when the stream names none
  std::string_view data;  // lines joined by LF
};

/// Incremental text/event-stream parser (WHATWG): CR, LF or CRLF, byte order mark, comments, id and retry.
/// Bytes may arrive in any pieces; what is kept between feeds is one unfinished line and one unfinished
/// event, both within the limit.
class SseParser {
 public:
  static constexpr size_t kDefaultEventBytes = size_t{64} * 1024 * 1024;

  enum class Outcome : uint8_t { More, Stopped, TooLarge };

  explicit SseParser(size_t max_event_bytes = kDefaultEventBytes) : max_event_bytes_(max_event_bytes) {}

  /// Calls `visit` for each event that is complete; false from it stops (the rest of the bytes is dropped).
  Outcome feed(std::string_view bytes, const std::function<bool(const SseEvent&)>& visit);

  /// Of the last event that carried one; survives across events, for Last-Event-ID.
  [[nodiscard]] const std::string& last_event_id() const { return last_event_id_; }
  /// What the server asked for, or -1.
  [[nodiscard]] int64_t retry_ms() const { return retry_ms_; }
  /// A new connection of the same logical stream: unfinished input is dropped, the id and retry stay.
  void restart();

 private:
  bool take_line(std::string_view line, const std::function<bool(const SseEvent&)>& visit);
  void take_field(std::string_view name, std::string_view value);

  size_t max_event_bytes_;
  std::string line_;  // unfinished
  std::string data_;
  std::string type_;
  std::string id_;
  std::string last_event_id_;
  int64_t retry_ms_ = -1;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool at_start_ = true;
};

}  // namespace catalyst::mcp
