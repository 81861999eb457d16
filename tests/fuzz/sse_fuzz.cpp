// Any bytes as an event stream of a server: within the limit, and the same events however the bytes arrive.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/check.h"
#include "runtime/mcp/sse.h"

namespace {

using namespace catalyst::mcp;

constexpr size_t kEventBytes = 512;

struct Read {
  std::vector<std::pair<std::string, std::string>> events;
  SseParser::Outcome outcome = SseParser::Outcome::More;
  std::string id;
  int64_t retry_ms = -1;
  bool operator==(const Read&) const = default;
};

Read read_all(std::string_view input, size_t step) {
  Read out;
  SseParser parser(kEventBytes);
  while (!input.empty() && out.outcome == SseParser::Outcome::More) {
    const std::string_view piece = input.substr(0, step);
    out.outcome = parser.feed(piece, [&out](const SseEvent& event) {
      CHECK(event.data.size() <= kEventBytes, "the limit holds");
      out.events.emplace_back(event.type, event.data);
      return true;
    });
    input.remove_prefix(piece.size());
  }
  out.id = parser.last_event_id();
  out.retry_ms = parser.retry_ms();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const Read whole = read_all(input, SIZE_MAX);
  CHECK(whole == read_all(input, 1) && whole == read_all(input, 5), "the pieces make no difference");
  return 0;
}
