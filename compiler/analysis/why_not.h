#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/analysis/mutate.h"
#include "compiler/analysis/search.h"
#include "compiler/analysis/trial.h"
#include "compiler/ir/ir.h"

namespace catalyst::analysis {

/// What somebody wants a request to come to.
enum class Wanted : uint8_t { Allow, Deny };

/// One input that would have to be another.
struct InputChange {
  std::string path;    // "principal.roles"
  std::string before;  // JSON, or "absent"
  std::string after;
};

/// A change that leads to the wanted verdict; tried on the engine.
struct RequestChange {
  std::vector<InputChange> inputs;
  Witness request;
  Decision decision;
};
struct RuleChange {
  Mutation mutation;
  std::string rule;
  Decision decision;
};

struct WhyNot {
  Decision now;
  bool already = false;  // the request comes to the wanted verdict as it is
  /// The fewest inputs that suffice, every way with so many; empty: none was found.
  std::vector<RequestChange> requests;
  bool proved_none = false;             // no request of this tool comes to that verdict
  std::vector<Search::Reason> reasons;  // why neither was found
  /// Single edits of single rules, smallest first.
  std::vector<RuleChange> rules;
  std::string not_in_time;  // why changes were left untried; empty: none was
};

struct WhyNotOptions {
  uint32_t effort = 1'000'000;
  size_t max_inputs = 3;   // changed at once
  size_t max_answers = 5;  // of each kind
};

/// `module` is edited and restored while edits of rules are tried. Ends with the thread's Budget, if it has
/// one.
WhyNot why_not(const std::shared_ptr<ir::Module>& module, const source::SourceMap& sources,
               const Witness& request, Wanted wanted, const WhyNotOptions& options = {});

}  // namespace catalyst::analysis
