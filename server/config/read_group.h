#pragma once

// Internal to server/config: what engines that stand side by side share.

#include <string>
#include <vector>

#include "server/config/reader.h"

namespace catalyst::server {

/// The keys under `engine` and `cache.redis`, once `secrets` are read; mistakes go to `problems`. Relative
/// paths start at `folder`.
void read_group(const std::string& file, const std::string& folder, const Reader& read, Config& config,
                std::vector<Problem>& problems);

}  // namespace catalyst::server
