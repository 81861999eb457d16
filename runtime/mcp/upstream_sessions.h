#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/mcp/upstream.h"

namespace catalyst::mcp {

/// One client's sessions with the servers that keep something of their clients, each made when it is first
/// needed. Any thread.
class UpstreamSessions {
 public:
  using Handle = std::shared_ptr<UpstreamSession>;

  /// The session with that server, made by `open` if there is none yet; nullptr when `open` says that none is
  /// needed.
  Handle get(uint32_t server, const std::function<Handle()>& open);
  /// The session with that server if there is one.
  [[nodiscard]] Handle find(uint32_t server) const;
  [[nodiscard]] std::vector<std::pair<uint32_t, Handle>> all() const;
  /// From now on the client hears what belongs to no call, from sessions of today and tomorrow.
  void listen();
  /// Lets go of them; there are none any more. `Ending::Told`: every server is told that it is over.
  enum class Ending : uint8_t { AsAgreed, Told };
  void close(Ending ending = Ending::AsAgreed);

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<uint32_t, Handle>> sessions_;  // few: those servers that the client has used
  bool listening_ = false;
  bool closed_ = false;
};

/// The sessions of clients that have none with us, by principal: those of the new generation. Any thread.
class PrincipalSessions {
 public:
  PrincipalSessions(size_t max, int64_t idle_ms) : max_(max), idle_ms_(idle_ms) {}

  /// Beyond the limit the longest unused one ends.
  std::shared_ptr<UpstreamSessions> get(std::string_view principal_id, int64_t now_ms);
  /// Ends what nobody has used or holds.
  void sweep(int64_t now_ms);
  void close_all();

 private:
  struct Entry {
    std::shared_ptr<UpstreamSessions> sessions;
    int64_t used_ms = 0;
  };
  const size_t max_;
  const int64_t idle_ms_;
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace catalyst::mcp
