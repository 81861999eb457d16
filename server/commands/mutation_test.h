#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/driver/analyze.h"

namespace catalyst::server {

struct MutationOptions {
  double seconds = 60;  // after which no further edit is tried
};

/// What tests notice of small edits of rules, decisions, routes and functions.
struct MutationReport {
  struct Survivor {
    source::Span span;
    std::string_view owner;  // "rule", "decision", "route", "function"
    std::string name;        // of the owner
    std::string text;        // "`==` becomes `!=`"
  };
  size_t edits = 0;  // that there are
  size_t tried = 0;
  std::vector<Survivor> survivors;  // no test failed
};

/// Runs the tests of a policy against every edit. The policy's tests must pass; its module is edited and
/// restored.
MutationReport test_mutations(const driver::Analysis& analysis, const MutationOptions& options = {});

}  // namespace catalyst::server
