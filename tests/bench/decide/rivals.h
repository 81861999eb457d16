#pragma once

#include <string>
#include <vector>

#include "tests/bench/decide/workload.h"

namespace catalyst::bench {

struct RivalFigure {
  std::string name;
  double nanoseconds;  // a decision, from a record that was parsed before
};

/// Lets the rules engines of package.json decide the workload (rivals.mjs), which is written into `folder`
/// for them. Those that are not installed, or do not agree with the plain reading, have no figure; standard
/// error says so.
std::vector<RivalFigure> measure_rivals(const Workload& workload, const std::string& folder);

}  // namespace catalyst::bench
