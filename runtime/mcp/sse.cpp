#include "runtime/mcp/sse.h"

#include <algorithm>
#include <charconv>

namespace catalyst::mcp {

namespace {
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t kMaxIdBytes = 1024;
constexpr int64_t kMaxRetryMs = 3'600'000;
}  // namespace

void SseParser::restart() {
  line_.clear();
  data_.clear();
  type_.clear();
  has_data_ = false;
  after_cr_ = false;
  at_start_ = true;
}

SseParser::Outcome SseParser::feed(std::string_view bytes,
                                   const std::function<bool(const SseEvent&)>& visit) {
  while (!bytes.empty()) {
    if (after_cr_) {
      after_cr_ = false;
      if (bytes.front() == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
    }
    const size_t end = bytes.find_first_of("\r\n");
    if (end == std::string_view::npos) {
      if (line_.size() + data_.size() + bytes.size() > max_event_bytes_) {
        return Outcome::TooLarge;
      }
      line_.append(bytes);
      break;
    }
    std::string_view line = bytes.substr(0, end);
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    if (line_.size() + data_.size() + line.size() > max_event_bytes_) {
      return Outcome::TooLarge;
    }
    bool more = true;
    if (line_.empty()) {
      more = take_line(line, visit);
    } else {
      line_.append(line);
      more = take_line(line_, visit);
      line_.clear();
    }
    if (!more) {
      return Outcome::Stopped;
    }
  }
  return Outcome::More;
}

bool SseParser::take_line(std::string_view line, const std::function<bool(const SseEvent&)>& visit) {
  if (at_start_) {
    at_start_ = false;
    if (line.starts_with(kByteOrderMark)) {
      line.remove_prefix(kByteOrderMark.size());
    }
  }
  if (line.empty()) {
    last_event_id_ = id_;
    bool more = true;
    if (has_data_) {
      data_.pop_back();  // the LF after its last line
      more = visit(SseEvent{type_.empty() ? std::string_view("message") : std::string_view(type_), data_});
    }
    data_.clear();
    type_.clear();
    has_data_ = false;
    return more;
  }
  const size_t colon = line.find(':');
  if (colon == 0) {
    return true;
  }
  std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) {
    value.remove_prefix(1);
  }
  take_field(line.substr(0, colon), value);
  return true;
}

void SseParser::take_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    data_.append(value);
    data_.push_back('\n');
    has_data_ = true;
  } else if (name == "event") {
    type_ = value;
  } else if (name == "id") {
    if (value.size() <= kMaxIdBytes && value.find('\0') == std::string_view::npos) {
      id_ = value;
    }
  } else if (name == "retry") {
    int64_t number = 0;
    const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (ec == std::errc() && end == value.data() + value.size() && number >= 0) {
      retry_ms_ = std::min(number, kMaxRetryMs);
    }
  }
}

}  // namespace catalyst::mcp
