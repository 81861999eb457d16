#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/unit.h"
#include "runtime/decision/engine.h"
#include "runtime/decision/request.h"
#include "runtime/decision/verdict.h"

namespace catalyst::decision {

/// One expression that a condition asked, in the order of evaluation.
struct ExplainedCondition {
  uint32_t expr = 0;
  abi::SourcePlace place;
  std::string source;  // as the author wrote it
  value::Status status = value::Status::Ok;
  std::string value;  // JSON text; "" when status is not Ok
};

/// As the language writes them: `60 per 1m burst 10 by "ana"`, `approval from role dba within 10m`.
std::string limit_text(const LimitEffect& limit);
std::string requirement_text(const RequireEffect& required);

/// The paths of the pack's sources, by SourcePlace::file.
std::vector<std::string> file_names(const Pack& pack);
/// "[{...},...]": source, value or error, and place of each.
std::string conditions_json(const std::vector<ExplainedCondition>& conditions,
                            const std::vector<std::string>& files);
/// A line for each, for a terminal.
std::string conditions_text(const std::vector<ExplainedCondition>& conditions,
                            const std::vector<std::string>& files);

/// One rule of the hook whose target matches the tool.
struct ExplainedRule {
  enum class State : uint8_t {
    Matched,
    NotMatched,
    Failed,
    Open,  // of a listing: it depends on what will be asked
  };
  uint32_t rule = 0;
  std::string name;
  abi::SourcePlace place;
  State state = State::NotMatched;
  value::Status status = value::Status::Ok;  // of a failed condition
  bool decided = false;                      // the verdict is this rule's
  std::vector<std::string> notes;            // owner, ticket, guidance
  std::vector<ExplainedCondition> conditions;
};

/// Which route an allowed call takes, and what it says of this call.
struct ExplainedRoute {
  struct Prefer {
    std::string server;
    ExplainedRule::State state = ExplainedRule::State::NotMatched;
    value::Status status = value::Status::Ok;  // of a failed condition
    std::vector<ExplainedCondition> conditions;
  };
  std::string name;
  abi::SourcePlace place;
  std::string by;                    // the rule that chose it; "": the first that is for the call
  std::vector<std::string> servers;  // in the order of fallback
  std::string preferred;             // "" when none is
  std::vector<Prefer> prefers;       // up to the one that holds
  std::vector<std::string> notes;    // "balances by the hash of \"ana\"", "caches for each tenant"
};

/// Why a request is answered as it is. Owns everything it says.
struct Explanation {
  std::string pack;  // "name version"
  abi::Hook hook = abi::Hook::Call;
  Outcome outcome = Outcome::Allow;
  bool hidden = false;
  std::string rule;  // "" when the default decided
  std::string message;
  AuditLevel audit = AuditLevel::None;
  std::vector<std::string> effects;  // "set call.args.tenant = \"acme\"", in the order in which they apply
  /// Strongest first; of a list hook, those of the hook by which the thing is asked for come behind its own.
  std::vector<ExplainedRule> rules;
  std::optional<ExplainedRoute> route;
  std::vector<std::string> files;  // paths, by SourcePlace::file
};

/// Evaluates with the reference interpreter and records every condition. Costs memory and time: for people,
/// not for traffic.
[[nodiscard]] Explanation explain(const Pack& pack, const Request& request, const Limits& limits = {});

/// The value of one expression, with what was evaluated on the way.
struct ExplainedValue {
  value::Status status = value::Status::Ok;
  std::string json;  // null when absent
  std::vector<ExplainedCondition> conditions;
};

/// Evaluates an expression that a rule on the request's hook and tool uses, with the reference interpreter.
[[nodiscard]] ExplainedValue explain_value(const Pack& pack, const Request& request, uint32_t expr,
                                           const Limits& limits = {});

/// Lines for a terminal, without colour.
[[nodiscard]] std::string to_text(const Explanation& explanation);
/// One JSON object with the same content.
[[nodiscard]] std::string to_json(const Explanation& explanation);

}  // namespace catalyst::decision
