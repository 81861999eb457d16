#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compiler/driver/analyze.h"
#include "runtime/decision/engine.h"
#include "runtime/decision/explain.h"

namespace catalyst::server {

/// What a policy's tests have asked of its rules and decisions: each rule should apply in one test and not in
/// another, each test inside its condition should come out both ways, and so should those inside the
/// preferences of routes; each row of a decision should decide once. Decisions of imported packs are for the
/// tests of those.
class Coverage {
 public:
  explicit Coverage(const driver::Analysis& analysis);

  /// Decides what one test asks again, with explanations, and counts.
  void add(const ir::Test& test, const decision::Pack& pack);
  /// Whole percents, rounded down, of what is covered least: rules, branches or rows.
  [[nodiscard]] size_t least_percent() const;

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

  struct Route {
    uint32_t route;
    std::map<uint32_t, Branch> branches;  // of the conditions of its preferences
  };
  struct Row {
    std::string name;
    source::Span span;
    uint32_t decided = 0;  // how often in tests
  };
  struct Decision {
    uint32_t decision;
    std::vector<Row> rows;  // rules or rows, and `otherwise`
  };

  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string json() const;
  /// The format of lcov: a line for each rule and row, a branch for each outcome of a test inside its
  /// condition.
  [[nodiscard]] std::string lcov() const;

 private:
  struct Totals {
    size_t rules = 0;
    size_t rules_applied = 0;
    size_t branches = 0;
    size_t branches_covered = 0;
    size_t rows = 0;
    size_t rows_decided = 0;
  };
  [[nodiscard]] Totals totals() const;
  [[nodiscard]] std::string place(const source::Span& span) const;
  using Branches = std::map<uint32_t, Branch>;
  /// `rule`: the name of the rule whose condition it is; invalid inside facts and of routes.
  void find_branches(ir::ExprId expr, const source::Span& rule, Branches& out) const;
  static void count_branches(const std::vector<decision::ExplainedCondition>& conditions, Branches& out);
  /// Of all rules and routes.
  void each_branch(const std::function<void(uint32_t expr, const Branch&)>& visit) const;
  void find_rows();
  void count_rows(const std::vector<decision::ExplainedCondition>& conditions);

  const driver::Analysis& analysis_;
  std::vector<Rule> rules_;
  std::vector<Decision> decisions_;
  std::vector<Route> routes_;
  std::map<uint32_t, size_t> choosers_;  // expression that chooses a row: index in decisions_
};

}  // namespace catalyst::server
