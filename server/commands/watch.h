#pragma once

#include <functional>
#include <string>
#include <vector>

namespace catalyst::server {

/// Calls `run`, and again whenever a policy file that `arguments` mean (find_sources) appears, changes or
/// goes, until the process is interrupted.
[[noreturn]] void run_at_every_change(const std::vector<std::string>& arguments,
                                      const std::function<void()>& run);

}  // namespace catalyst::server
