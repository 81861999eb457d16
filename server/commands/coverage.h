#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compiler/driver/analyze.h"
#include "runtime/decision/engine.h"

namespace catalyst::server {

/// What a policy's tests have asked of its rules: each rule should apply in one test and not in another, each
/// test inside its condition should come out both ways.
class Coverage {
 public:
  explicit Coverage(const driver::Analysis& analysis);

  /// Decides the request of one test again, with explanations, and counts.
  void add(const ir::Test& test, const decision::Pack& pack);

  struct Branch {
    source::Span span;
    uint32_t yes = 0;  // tests in which it was true
    uint32_t no = 0;
    [[nodiscard]] uint32_t covered() const { return (yes > 0 ? 1 : 0) + (no > 0 ? 1 : 0); }
  };
  struct Rule {
    uint32_t rule;
    uint32_t applied = 0;  // tests in which it applied
    uint32_t refused = 0;  // tests about its tools in which it did not
    bool conditional = false;
    std::map<uint32_t, Branch> branches;  // by expression
  };

  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string json() const;
  /// The format of lcov: a line for each rule, a branch for each outcome of a test inside its condition.
  [[nodiscard]] std::string lcov() const;

 private:
  struct Totals {
    size_t rules = 0;
    size_t rules_applied = 0;
    size_t branches = 0;
    size_t branches_covered = 0;
  };
  [[nodiscard]] Totals totals() const;
  [[nodiscard]] std::string place(const source::Span& span) const;
  void find_branches(ir::ExprId expr, Rule& rule) const;

  const driver::Analysis& analysis_;
  std::vector<Rule> rules_;
};

}  // namespace catalyst::server
