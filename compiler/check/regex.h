#pragma once

#include <string>

namespace catalyst::check {

/// Empty when `pattern` is an RE2 expression that the runtime will accept; else what is wrong with it.
std::string regex_problem(const std::string& pattern);

}  // namespace catalyst::check
