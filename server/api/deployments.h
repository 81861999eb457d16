#pragma once

#include <string_view>

#include "runtime/base/asio.h"
#include "runtime/mcp/exchange.h"

namespace catalyst::server {

class PackManager;
class ShadowReport;

/// /api/v1/deployments: what is in force and was deployed, new releases, canaries, shadows and the way back.
/// The caller has seen to it that whoever asks may. Immutable, any thread.
class DeploymentsApi {
 public:
  /// Both outlive it.
  DeploymentsApi(PackManager& packs, const ShadowReport& shadow) : packs_(packs), shadow_(shadow) {}

  [[nodiscard]] static bool is_ours(std::string_view path);
  Task<void> handle(mcp::HttpExchange& exchange) const;

 private:
  PackManager& packs_;
  const ShadowReport& shadow_;
};

}  // namespace catalyst::server
