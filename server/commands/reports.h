#pragma once

#include <string>
#include <vector>

#include "compiler/driver/analyze.h"
#include "server/commands/policy_tests.h"

namespace catalyst::server {

/// JUnit XML, as CI systems read it: one test case a test block.
std::string junit_report(const driver::Analysis& analysis, const std::vector<TestOutcome>& outcomes,
                         double seconds);

/// SARIF 2.1.0 (OASIS): the diagnostics of an analysis.
std::string sarif_report(const driver::Analysis& analysis);
/// The same with one result a failure of a test.
std::string sarif_report(const driver::Analysis& analysis, const std::vector<TestOutcome>& outcomes);

}  // namespace catalyst::server
