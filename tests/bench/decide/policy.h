#pragma once

#include <string>

#include "tests/bench/decide/workload.h"

namespace catalyst::bench {

/// The rules as a pack; rule i is called "r<i>", so that the rule that decides has the workload's number.
std::string policy_text(const Workload& workload);

/// What `server` would publish: tools whose arguments are all optional.
std::string schema_text(const Workload& workload, const std::string& server);

}  // namespace catalyst::bench
