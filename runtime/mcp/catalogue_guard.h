#pragma once

#include <string>
#include <vector>

#include "runtime/mcp/catalogue.h"

namespace catalyst::mcp {

/// Looks at every tool before it can be listed or called. Called on the catalogue's home executor.
class CatalogueGuard {
 public:
  virtual ~CatalogueGuard() = default;
  /// Everything that `server` lists now. Tools that must wait are moved from `tools` to `held`. Must not
  /// block for long, or throw.
  virtual void inspect(const std::string& server, std::vector<Item>& tools, std::vector<Item>& held) = 0;
};

}  // namespace catalyst::mcp
