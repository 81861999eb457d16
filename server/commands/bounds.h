#pragma once

#include "runtime/base/budget.h"

namespace CLI {
class App;
}

namespace catalyst::server {

/// Options of a command that reads sources: `--max-seconds` and `--max-memory`, what reading them may take,
/// and what proving may take after it. `bounds` holds the defaults and must outlive the command line.
void add_bounds(CLI::App& command, Budget::Limits& bounds);

}  // namespace catalyst::server
