#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/driver/packs.h"

namespace catalyst::pack::testing {

/// Every golden policy without mistakes, packed: name and pack.
const std::vector<std::pair<std::string, driver::PackBuild>>& golden_packs();

}  // namespace catalyst::pack::testing
