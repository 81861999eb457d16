#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

// A deterministic workload: rules over 50 servers, 1,000 tools, 500 tenants, 40 roles and 10,000 users, and
// requests of which three in five aim at a rule. Rules are listed in rank order, denies first; the first that
// matches decides, none: deny.

namespace catalyst::bench {

struct ArgCondition {
  enum class Kind : uint8_t { Text, Greater, Less, Prefix, Flag, Label };
  std::string key;  // "env" "amount" "count" "path" "branch" "dryRun" "labels" "target.ns"
  Kind kind = Kind::Text;
  std::string text;
  int64_t number = 0;  // Flag: 0 or 1
};

struct WorkloadRule {
  bool allow = false;
  std::optional<std::string> tool;         // "github.read_item"
  std::optional<std::string> server;       // "github"
  std::optional<std::string> tool_prefix;  // "github.read_"
  std::optional<std::string> user;
  std::optional<std::string> tenant;
  std::vector<std::string> roles_any;
  std::vector<ArgCondition> args;
  std::optional<int64_t> risk_at_least;
  std::optional<int64_t> risk_below;
  std::optional<int64_t> time_from;  // seconds; with time_to, half open
  int64_t time_to = 0;
};

struct WorkloadArgs {
  std::optional<std::string> env;
  std::optional<int64_t> amount;
  std::optional<int64_t> count;
  std::optional<std::string> path;
  std::optional<std::string> branch;
  std::optional<bool> dry_run;
  std::optional<std::vector<std::string>> labels;
  std::optional<std::pair<std::string, std::string>> target;  // ns, kind
  std::string json;                                           // the object, members in order of their making
};

struct WorkloadRequest {
  std::string user;
  std::string tenant;
  std::vector<std::string> roles;
  std::string tool;  // with its server
  std::string server;
  WorkloadArgs args;
  int64_t time = 0;
  int64_t risk = 0;
  std::string json;       // all of it as one text
  int32_t expected = -1;  // rule that decides, by the plain reading of the rules
};

struct Workload {
  std::vector<WorkloadRule> rules;
  std::vector<WorkloadRequest> requests;
  std::vector<std::string> servers;
  std::vector<std::string> tools;  // "github.read_item"
};

Workload make_workload(uint32_t rules, uint32_t requests, uint32_t seed = 42);

/// The plain reading: every condition of a rule, rule by rule.
bool matches(const WorkloadRule& rule, const WorkloadRequest& request);

}  // namespace catalyst::bench
