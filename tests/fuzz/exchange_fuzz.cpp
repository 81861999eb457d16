// Any bytes as a client's message of either generation, to the whole gateway with a server of each generation
// behind it: one answer, of a known status, in JSON, to the id that was sent; and what either server gets is
// whole.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/base/check.h"
#include "runtime/mcp/json_reader.h"
#include "tests/unit/mcp/fake_server.h"

namespace {

using namespace catalyst::mcp;

struct World {
  std::shared_ptr<FakeUpstream> old_server = fake("old");
  std::shared_ptr<FakeUpstream> new_server = fake("new", Era::Modern);
  Gateway gateway{{old_server, new_server}};
  std::string session = gateway.open();
};

bool is_whole(std::string_view json) {
  JsonReader reader;
  if (!reader.open(json, JsonReader::kDepthMax)) {
    return false;
  }
  reader.value();
  return !reader.failed() && reader.finished();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* const world = new World();  // ends with the process
  if (size == 0) {
    return 0;
  }
  constexpr std::string_view kPaths[] = {"/mcp", "/mcp/old", "/mcp/new"};
  FakeExchange exchange;
  exchange.target = kPaths[data[0] / 2 % 3];
  exchange.text.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  Envelope envelope;
  const std::string copy = exchange.text;
  const bool readable = !parse_envelope(copy, EnvelopeLimits{}, envelope);
  // A stream of its own has no end by itself.
  if (readable && envelope.method == "subscriptions/listen") {
    return 0;
  }
  if (data[0] % 2 == 0) {
    exchange.headers["Mcp-Session-Id"] = world->session;
  } else {
    exchange.headers["MCP-Protocol-Version"] = "2026-07-28";
    if (readable) {
      exchange.headers["Mcp-Method"] = envelope.method;
      exchange.headers["Mcp-Name"] = !envelope.name.empty()  ? envelope.name
                                     : !envelope.uri.empty() ? envelope.uri
                                                             : envelope.task_id;
    }
  }
  world->old_server->seen.clear();
  world->new_server->seen.clear();
  world->gateway.observer.kept.clear();
  world->gateway.begin(exchange);
  world->gateway.io.restart();
  for (int i = 0; i < 1'000'000 && !exchange.done; ++i) {
    world->gateway.io.poll();
  }
  CHECK(exchange.done, "every message has an end");
  CHECK(exchange.status >= 200 && exchange.status < 600, "and an answer");
  if (!exchange.streaming && !exchange.sent.empty()) {
    CHECK(is_whole(exchange.sent), "an answer is JSON");
    CHECK(!readable || envelope.kind != MessageKind::Request || is_batch(copy) ||
              find_member(exchange.sent, "id") == envelope.id_json,
          "an answer has its request's id");
  }
  for (const auto& server : {world->old_server, world->new_server}) {
    for (const FakeUpstream::Seen& call : server->seen) {
      CHECK(call.params.empty() || is_whole(call.params), "a server gets whole params");
    }
  }
  return 0;
}
