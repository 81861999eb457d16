#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/mcp/exchange.h"
#include "runtime/mcp/http_client.h"
#include "runtime/mcp/seal.h"

namespace catalyst::mcp {

enum class HandedOver : uint8_t {
#define HANDED_OVER(name, text) name,
#include "runtime/mcp/handed_over.def"
#undef HANDED_OVER
};
inline constexpr std::string_view kHandedOver[] = {
#define HANDED_OVER(name, text) text,
#include "runtime/mcp/handed_over.def"
#undef HANDED_OVER
};

struct PeerOptions {
  std::string url;                      // where other engines reach this one; "": nothing is handed over
  std::string ca_file;                  // trusted at other engines' addresses, in place of the system's
  int64_t connect_timeout_ms = 1'000;   // then it counts as gone
  int64_t retry_ms = 5'000;             // before an engine that is gone is tried again
  int64_t silence_ms = 60'000;          // of an event stream; engines say something every 15 s
  int64_t answer_timeout_ms = 120'000;  // until an answer is there, or its stream begins
  size_t unread_bytes = size_t{16} * 1024 * 1024;  // not taken by the client yet; beyond it counts as gone
};

/// Other engines with the same secrets. What a client holds of one engine (a session's id, the state of a
/// question, some tasks' ids) begins with a mark that says where that engine is; a request that brings it to
/// another one is handed over as it came, with the client's own credentials, and the answer back. Marks are
/// sealed: nobody can have a request sent anywhere but to an engine. Any thread.
class EnginePeers {
 public:
  /// `sealer` outlives this.
  EnginePeers(const Sealer& sealer, PeerOptions options);
  ~EnginePeers();
  EnginePeers(const EnginePeers&) = delete;
  EnginePeers& operator=(const EnginePeers&) = delete;

  /// The text as something that this engine holds; as it is where engines do not know of each other.
  [[nodiscard]] std::string mark(std::string text) const;
  /// What was marked.
  [[nodiscard]] static std::string_view unmarked(std::string_view text) {
    const size_t dot = text.find('.');
    return dot == std::string_view::npos ? text : text.substr(dot + 1);
  }

  /// Whether another engine sent this on, or somebody pretends so.
  [[nodiscard]] static bool came_over(const HttpExchange& exchange);
  /// Whether another engine sent this on, meaning a principal that the request's own credentials do not name
  /// here: it must be answered there (421, RFC 9110 section 15.5.20).
  [[nodiscard]] bool misdirected(const HttpExchange& exchange) const;

  /// Has the engine that holds `marked` answer the request. False: that is this one, or nothing was done
  /// there, because it is gone or does not know the client; then it is answered here. `id_json` of the
  /// message, "" for none.
  Task<bool> hand_over(HttpExchange& exchange, std::string_view marked, std::string_view id_json);

  /// Ends streams that stay open and come from other engines, so that connections can be drained.
  void close_streams();

  [[nodiscard]] uint64_t count(HandedOver result) const { return counts_[static_cast<size_t>(result)]; }

 private:
  struct Peer;
  struct Relay;
  [[nodiscard]] std::shared_ptr<Peer> holder(std::string_view marked);
  [[nodiscard]] std::string head(const HttpExchange& exchange, const HttpUrl& url) const;
  Task<bool> relay(HttpExchange& exchange, std::shared_ptr<Peer> peer, std::string_view id_json);
  void note(HandedOver result) {
    counts_[static_cast<size_t>(result)].fetch_add(1, std::memory_order_relaxed);
  }

  const Sealer& sealer_;
  const PeerOptions options_;
  const std::string mark_;  // "" without an address
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Peer>, std::less<>> peers_;  // by address
  std::array<std::atomic<uint64_t>, std::size(kHandedOver)> counts_{};
};

}  // namespace catalyst::mcp
