#pragma once

#include <string>

#include "tests/bench/decide/record.h"
#include "tests/bench/decide/workload.h"

namespace catalyst::bench {

/// The workload's rules as a C++ program: every bucket straight-line code, every constant in place.
std::string specialise(const Workload& workload);

/// The program, compiled with the best optimiser at hand and loaded. `folder` keeps it between runs.
struct Specialised {
  DecideRecord decide_record = nullptr;
  DecideJson decide_json = nullptr;
};
/// Ends the process with a message when there is no compiler or it fails: without the reference there are no
/// ratios.
Specialised load_specialised(const Workload& workload, const std::string& folder);

}  // namespace catalyst::bench
