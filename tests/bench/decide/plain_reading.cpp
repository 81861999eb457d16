#include <algorithm>

#include "tests/bench/decide/workload.h"

namespace catalyst::bench {

namespace {

bool holds(const ArgCondition& c, const WorkloadArgs& a) {
  using Kind = ArgCondition::Kind;
  switch (c.kind) {
    case Kind::Text:
      return c.key == "env"      ? a.env == c.text
             : c.key == "branch" ? a.branch == c.text
                                 : a.target && a.target->first == c.text;
    case Kind::Greater:
      return (c.key == "amount" ? a.amount : a.count).value_or(INT64_MIN) > c.number;
    case Kind::Less:
      return (c.key == "amount" ? a.amount : a.count).value_or(INT64_MAX) < c.number;
    case Kind::Prefix:
      return a.path && a.path->starts_with(c.text);
    case Kind::Flag:
      return a.dry_run == (c.number != 0);
    case Kind::Label:
      return a.labels && std::find(a.labels->begin(), a.labels->end(), c.text) != a.labels->end();
  }
  return false;
}

}  // namespace

bool matches(const WorkloadRule& rule, const WorkloadRequest& q) {
  const auto differs = [](const std::optional<std::string>& wanted, const std::string& is) {
    return wanted && *wanted != is;
  };
  if (differs(rule.tool, q.tool) || differs(rule.server, q.server) || differs(rule.user, q.user) ||
      differs(rule.tenant, q.tenant) || (rule.tool_prefix && !q.tool.starts_with(*rule.tool_prefix))) {
    return false;
  }
  if (!rule.roles_any.empty() && std::find_first_of(rule.roles_any.begin(), rule.roles_any.end(),
                                                    q.roles.begin(), q.roles.end()) == rule.roles_any.end()) {
    return false;
  }
  if ((rule.risk_at_least && q.risk < *rule.risk_at_least) ||
      (rule.risk_below && q.risk >= *rule.risk_below) ||
      (rule.time_from && (q.time < *rule.time_from || q.time >= rule.time_to))) {
    return false;
  }
  return std::all_of(rule.args.begin(), rule.args.end(),
                     [&](const ArgCondition& c) { return holds(c, q.args); });
}

}  // namespace catalyst::bench
