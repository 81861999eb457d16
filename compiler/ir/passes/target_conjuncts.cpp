#include <algorithm>

#include "compiler/ir/passes/conjuncts.h"

namespace catalyst::ir {

namespace {

bool is_literal(const std::string& pattern) { return pattern.find('*') == std::string::npos; }

}  // namespace

std::vector<Conjunct> target_conjuncts(const Target& target, uint32_t index,
                                       std::vector<std::string>* servers) {
  if (target.patterns.empty()) {
    return {};
  }
  Conjunct c;
  const auto& patterns = target.patterns;
  const bool literal_servers = std::all_of(patterns.begin(), patterns.end(),
                                           [](const TargetPattern& p) { return is_literal(p.server); });
  const bool literal_tools = std::all_of(patterns.begin(), patterns.end(),
                                         [](const TargetPattern& p) { return is_literal(p.tool); });
  const bool all_tools =
      std::all_of(patterns.begin(), patterns.end(), [](const TargetPattern& p) { return p.tool == "*"; });
  if (literal_servers && (literal_tools || all_tools)) {
    c.kind = literal_tools ? Conjunct::Kind::Tool : Conjunct::Kind::Server;
    for (const TargetPattern& p : patterns) {
      c.names.push_back(literal_tools ? p.server + '\0' + p.tool : p.server);
    }
  } else {
    c.kind = Conjunct::Kind::Target;
    c.integer = index;
    if (literal_servers) {
      for (const TargetPattern& p : patterns) {
        servers->push_back(p.server);
      }
      std::sort(servers->begin(), servers->end());
      servers->erase(std::unique(servers->begin(), servers->end()), servers->end());
    }
  }
  std::sort(c.names.begin(), c.names.end());
  c.names.erase(std::unique(c.names.begin(), c.names.end()), c.names.end());
  return {c};
}

}  // namespace catalyst::ir
