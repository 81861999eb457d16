#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "runtime/mcp/upstream.h"

namespace catalyst::mcp {

/// One client's sessions with the replicas of a server, each made when a call first goes there. Any thread.
class RoutedSession final : public UpstreamSession {
 public:
  /// `terms.resume` is what `id_of` answered: the replica's name, a blank, its id.
  explicit RoutedSession(ClientTerms terms);

  /// The session with that replica; nullptr when it keeps nothing of its clients.
  std::shared_ptr<UpstreamSession> with(const std::shared_ptr<Upstream>& replica);
  /// Those that were made.
  [[nodiscard]] std::vector<std::pair<std::shared_ptr<Upstream>, std::shared_ptr<UpstreamSession>>> all()
      const;
  /// The replica with the session to take up again; "" for none.

  void listen() override;
  void end() override;

 private:
  ClientTerms terms_;
  std::string resumed_at_;
  std::string resumed_id_;
  mutable std::mutex mutex_;  // guards what is below
  std::vector<std::pair<std::shared_ptr<Upstream>, std::shared_ptr<UpstreamSession>>> sessions_;
  bool listening_ = false;
};

}  // namespace catalyst::mcp
