#pragma once

#include <string_view>

#include "runtime/base/asio.h"
#include "runtime/mcp/exchange.h"

namespace catalyst::server {

class PackManager;

/// /api/v1/rules: the rules of the pack in force, listed and changed one by one; each change is another
/// release. The caller has seen to it that whoever asks may. Immutable, any thread.
class RulesApi {
 public:
  explicit RulesApi(PackManager& packs) : packs_(packs) {}

  [[nodiscard]] static bool is_ours(std::string_view path);
  Task<void> handle(mcp::HttpExchange& exchange) const;

 private:
  PackManager& packs_;
};

}  // namespace catalyst::server
