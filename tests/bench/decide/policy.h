#pragma once

#include <string>
#include <vector>

#include "tests/bench/decide/workload.h"

namespace catalyst::bench {

/// The rules as a pack; rule i is called "r<i>", so that the rule that decides has the workload's number.
/// Several texts: a file of a pack has a size limit.
std::vector<std::string> policy_texts(const Workload& workload);

/// What `server` would publish: tools whose arguments are all optional.
std::string schema_text(const Workload& workload, const std::string& server);

}  // namespace catalyst::bench
