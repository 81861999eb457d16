#include "server/commands/policy_tests.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/abi/unit.h"
#include "runtime/decision/apply.h"
#include "runtime/decision/caller.h"
#include "runtime/decision/explain.h"
#include "runtime/value/ops.h"
#include "server/api/request_json.h"

namespace catalyst::server {
namespace {

using decision::Outcome;
using decision::Verdict;
using Kind = ir::TestExpectation::Kind;

constexpr std::string_view kAuditLevels[] = {"none", "metadata", "full"};

std::string quote(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string decided_by(const Verdict& verdict) {
  return verdict.rule_name.empty() ? " by default" : " by " + quote(verdict.rule_name);
}

std::string what_happened(const Verdict& verdict) {
  if (verdict.hidden) {
    return "hidden" + decided_by(verdict);
  }
  return (verdict.outcome == Outcome::Deny ? "deny" : "allow") + decided_by(verdict);
}

/// The expectation as its author wrote it.
std::string written(const ir::TestExpectation& expected, const decision::Pack& pack) {
  const std::vector<abi::SourceText>& files = pack.unit().files;
  if (expected.span.file.index >= files.size()) {
    return {};
  }
  const std::string_view text = files[expected.span.file.index].text;
  return quote(text.substr(expected.span.begin, expected.span.end - expected.span.begin));
}

bool same_path(std::span<const std::string_view> actual, const std::vector<std::string>& expected) {
  return std::equal(actual.begin(), actual.end(), expected.begin(), expected.end());
}

/// The name of a rule by its index, or "".
std::string_view rule_of(const decision::Pack& pack, uint32_t rule) {
  return rule < pack.rule_count() ? pack.rule_name(rule) : std::string_view();
}

std::string verdict_failure(const ir::TestExpectation& expected, const Verdict& verdict, bool holds,
                            const std::string& wanted) {
  if (!holds) {
    return "expected " + wanted + ", got " + what_happened(verdict);
  }
  if (!expected.by.empty() && verdict.rule_name != expected.by) {
    return "expected " + wanted + " by " + quote(expected.by) + ", got it" + decided_by(verdict);
  }
  return {};
}

std::string set_failure(const ir::TestExpectation& expected, const Verdict& verdict,
                        const decision::Pack& pack) {
  std::string seen;
  for (const decision::SetEffect& effect : verdict.sets) {
    if (!same_path(effect.path, expected.path) ||
        (!expected.by.empty() && rule_of(pack, effect.rule) != expected.by)) {
      continue;
    }
    const auto actual = nlohmann::json::parse(effect.json, nullptr, false);
    if (expected.text.empty() || actual == nlohmann::json::parse(expected.text, nullptr, false)) {
      return {};
    }
    seen = std::string(effect.json);
  }
  return "expected " + written(expected, pack) + (seen.empty() ? ", but it was not set" : ", got " + seen);
}

std::string redact_failure(const ir::TestExpectation& expected, const Verdict& verdict,
                           const decision::Pack& pack) {
  for (const decision::RedactEffect& effect : verdict.redactions) {
    if ((expected.path.empty() ||
         (effect.place == expected.place && same_path(effect.path, expected.path))) &&
        (expected.by.empty() || rule_of(pack, effect.rule) == expected.by)) {
      return {};
    }
  }
  return "expected " + written(expected, pack) + ", but there is none";
}

/// Levels merge, so a verdict does not say which rule asked for the audit: an explanation tells which
/// applied.
bool audited_by(const ir::TestExpectation& expected, const decision::Pack& pack,
                const decision::Request& request) {
  const auto level = [](const abi::RuleEffect& effect) { return kAuditLevels[effect.audit_level]; };
  const decision::Explanation explanation = decision::explain(pack, request);
  return std::any_of(
      explanation.rules.begin(), explanation.rules.end(), [&](const decision::ExplainedRule& rule) {
        const std::vector<abi::RuleEffect>& effects = pack.unit().rules[rule.rule].effects;
        return rule.name == expected.by && rule.state == decision::ExplainedRule::State::Matched &&
               std::any_of(effects.begin(), effects.end(), [&](const abi::RuleEffect& effect) {
                 return effect.kind == abi::RuleEffect::Kind::Audit &&
                        (expected.text.empty() || level(effect) == expected.text);
               });
      });
}

std::string audit_failure(const ir::TestExpectation& expected, const Verdict& verdict,
                          const decision::Pack& pack, const decision::Request& request) {
  const std::string_view actual = kAuditLevels[static_cast<size_t>(verdict.audit)];
  const bool holds = !expected.by.empty()    ? audited_by(expected, pack, request)
                     : expected.text.empty() ? verdict.audit != decision::AuditLevel::None
                                             : actual == expected.text;
  return holds ? "" : "expected " + written(expected, pack) + ", got " + std::string(actual);
}

std::string tag_failure(const ir::TestExpectation& expected, const Verdict& verdict,
                        const decision::Pack& pack) {
  std::string seen;
  for (const decision::TagEffect& tag : verdict.tags) {
    if (tag.key == expected.key && (expected.by.empty() || rule_of(pack, tag.rule) == expected.by)) {
      if (expected.text.empty() || tag.value == expected.text) {
        return {};
      }
      seen = std::string(tag.value);
    }
  }
  return "expected " + written(expected, pack) +
         (seen.empty() ? ", but it is not there" : ", got \"" + seen + "\"");
}

std::string error_failure(const ir::TestExpectation& expected, const Verdict& verdict,
                          const decision::Pack& pack) {
  for (const decision::RuleError& failure : verdict.errors) {
    if ((expected.text.empty() || value::status_name(failure.status) == expected.text) &&
        (expected.by.empty() || rule_of(pack, failure.rule) == expected.by)) {
      return {};
    }
  }
  return "expected the error " + expected.text + (expected.by.empty() ? "" : " by " + quote(expected.by)) +
         ", but no rule failed so";
}

bool is_named(std::span<const decision::NamedEffect> effects, const ir::TestExpectation& expected,
              const decision::Pack& pack) {
  return std::any_of(effects.begin(), effects.end(), [&](const decision::NamedEffect& effect) {
    return effect.name == expected.key && (expected.by.empty() || rule_of(pack, effect.rule) == expected.by);
  });
}

std::string happened(bool holds, const ir::TestExpectation& expected, const decision::Pack& pack) {
  return holds ? "" : "expected " + written(expected, pack) + ", but it did not happen";
}

std::string failure_of(const ir::TestExpectation& expected, const Verdict& verdict,
                       const decision::Pack& pack, const decision::Request& request) {
  const bool denied = verdict.outcome == Outcome::Deny;
  switch (expected.kind) {
    case Kind::Allow:
      return verdict_failure(expected, verdict, !denied && !verdict.hidden, "allow");
    case Kind::Deny:
      return verdict_failure(expected, verdict, denied, "deny");
    case Kind::Hidden:
      return verdict_failure(expected, verdict, verdict.hidden, "hidden");
    case Kind::Listed:
      return verdict_failure(expected, verdict, !verdict.hidden, "listed");
    case Kind::Set:
      return set_failure(expected, verdict, pack);
    case Kind::Redact:
      return redact_failure(expected, verdict, pack);
    case Kind::Audit:
      return audit_failure(expected, verdict, pack, request);
    case Kind::Tag:
      return tag_failure(expected, verdict, pack);
    case Kind::Error:
      return error_failure(expected, verdict, pack);
    case Kind::Limit:
      return happened(std::any_of(verdict.limits.begin(), verdict.limits.end(),
                                  [&](const decision::LimitEffect& limit) {
                                    return expected.by.empty() || rule_of(pack, limit.rule) == expected.by;
                                  }),
                      expected, pack);
    case Kind::Require:
      return happened(
          std::any_of(verdict.requirements.begin(), verdict.requirements.end(),
                      [&](const decision::RequireEffect& required) {
                        return required.what == expected.key &&
                               (expected.text.empty() || required.role == expected.text) &&
                               (expected.by.empty() || rule_of(pack, required.rule) == expected.by);
                      }),
          expected, pack);
    case Kind::Emit:
      return happened(is_named(verdict.emits, expected, pack), expected, pack);
    case Kind::Start:
      return happened(is_named(verdict.starts, expected, pack), expected, pack);
    case Kind::Label:
      return happened(is_named(verdict.labels, expected, pack), expected, pack);
    case Kind::Route:
      break;  // asked for when the verdict has been read
    case Kind::Describe:
      return verdict.description.data() != nullptr && verdict.description == expected.text
                 ? ""
                 : "expected the description \"" + expected.text + "\", got " +
                       (verdict.description.data() == nullptr ? "the server's own"
                                                              : quote(verdict.description));
    case Kind::Message:
      return verdict.message == expected.text ? ""
                                              : "expected the message \"" + expected.text + "\", got \"" +
                                                    std::string(verdict.message) + "\"";
    case Kind::Result:
      break;  // of a decision, not of a hook
  }
  return {};
}

std::string by_text(const std::vector<std::string>& rows) {
  std::string out;
  for (const std::string& row : rows) {
    out += (out.empty() ? " by " : ", ") + quote(row);
  }
  return out;
}

std::string call_failure(const ir::TestExpectation& expected, const decision::CallResult& result) {
  const bool failed = result.outcome == decision::CallResult::Outcome::Failed;
  const std::string got = failed ? "the error " + std::string(value::status_name(result.status))
                                 : result.json + by_text(result.rows);
  if (expected.kind == Kind::Error) {
    const bool holds =
        failed && (expected.text.empty() || value::status_name(result.status) == expected.text);
    return holds ? "" : "expected the error " + expected.text + ", got " + got;
  }
  if (failed || nlohmann::json::parse(result.json, nullptr, false) !=
                    nlohmann::json::parse(expected.text, nullptr, false)) {
    return "expected " + expected.text + ", got " + got;
  }
  const bool by = expected.by.empty() ||
                  std::find(result.rows.begin(), result.rows.end(), expected.by) != result.rows.end();
  return by ? ""
            : "expected " + expected.text + " by " + quote(expected.by) + ", got it" + by_text(result.rows);
}

/// Keeps what an expectation failed with; of one with `not`, that it did not.
void conclude(const ir::TestExpectation& expected, std::string failure, const decision::Pack& pack,
              TestOutcome& outcome) {
  if (expected.negated) {
    failure = failure.empty() ? "expected " + written(expected, pack) + ", but so it is" : "";
  }
  if (!failure.empty()) {
    outcome.failures.push_back(std::move(failure));
  }
}

TestOutcome run_decision_test(const ir::Test& test, const decision::Pack& pack) {
  TestOutcome outcome;
  outcome.test = &test;
  const std::optional<uint32_t> decision = decision::find_decision(pack, test.decision);
  if (!decision) {
    outcome.failures.push_back("the pack has no decision " + quote(test.decision));
    return outcome;
  }
  const decision::CallResult result =
      decision::Caller().call(pack, *decision, test.args, decision::Explain::Yes);
  for (const decision::ArgumentProblem& problem : result.problems) {
    outcome.failures.push_back(problem.pointer + " " + problem.detail);
  }
  for (const ir::TestExpectation& expected : test.expectations) {
    if (result.problems.empty()) {
      conclude(expected, call_failure(expected, result), pack, outcome);
    }
  }
  return outcome;
}

/// Which route the call takes that the verdict allows, and which server it prefers. Ends the verdict's life.
std::string route_failure(const ir::TestExpectation& expected, const decision::Request& request,
                          const decision::Pack& pack, decision::Evaluator& evaluator) {
  const Verdict& verdict = evaluator.evaluate(pack, request);
  if (verdict.outcome == Outcome::Deny) {
    return "expected route " + expected.key + ", but the call is denied";
  }
  const std::string rule = std::string(pack.rule_name(verdict.route_rule));
  const std::string args = decision::apply_sets(request.args, verdict.sets);
  decision::Request sent = request;
  sent.args = args;
  const decision::RouteChoice* choice = evaluator.route(pack, sent, verdict.route);
  if (choice == nullptr) {
    return "expected route " + expected.key + ", but no route is for this call";
  }
  const std::string to = choice->preferred == decision::RouteChoice::kNone
                             ? ""
                             : choice->route->targets[choice->preferred].server;
  const bool by = expected.by.empty() || (choice->by_rule && rule == expected.by);
  const bool holds =
      choice->route->name == expected.key && by && (expected.text.empty() || to == expected.text);
  return holds ? ""
               : "expected route " + expected.key + (expected.text.empty() ? "" : " to " + expected.text) +
                     (expected.by.empty() ? "" : " by " + quote(expected.by)) + ", got route " +
                     choice->route->name + (to.empty() ? "" : " to " + to) +
                     (choice->by_rule ? " by " + quote(rule) : "");
}

/// The claim as its author wrote it, and what was evaluated, with values.
std::string claim_trace(const ir::TestClaim& claim, const decision::Pack& pack) {
  constexpr size_t kMostConditions = 20;
  const abi::SourcePlace& place = pack.unit().places[claim.condition.index];
  const std::string_view source =
      std::string_view(pack.unit().files[place.file].text).substr(place.offset, place.length);
  auto conditions = decision::explain_value(pack, decision::Request(), claim.condition.index).conditions;
  const size_t more = conditions.size() - std::min(conditions.size(), kMostConditions);
  conditions.resize(conditions.size() - more);
  std::string out = quote(source) + " does not hold";
  std::istringstream lines(decision::conditions_text(conditions, decision::file_names(pack)));
  for (std::string line; std::getline(lines, line);) {
    out += "\n      " + line;
  }
  return out + (more == 0 ? "" : "\n        and " + std::to_string(more) + " more");
}

/// "expected the left side to be RIGHT, got LEFT" of an equality that did not hold.
std::string claim_failure(const ir::TestClaim& claim, const decision::Pack& pack) {
  const abi::ExprEvaluator& evaluator = pack.unit().evaluator;
  Arena arena;
  abi::Frame frame;
  frame.arena = &arena;
  const auto refill = [&] { frame.fuel = frame.fuel_limit = decision::Limits().fuel_per_rule; };
  refill();
  const abi::Truth truth = evaluator.condition(evaluator.self, &frame, claim.condition.index);
  if (truth == abi::kTrue) {
    return {};
  }
  if (truth >= abi::kTruthError) {
    return "it failed with " +
           std::string(value::status_name(static_cast<value::Status>(truth - abi::kTruthError)));
  }
  if (!claim.left.valid()) {
    return claim_trace(claim, pack);
  }
  const auto text = [&](ir::ExprId side) {
    value::Value out;
    refill();
    std::string json = "nothing";
    if (evaluator.evaluate(evaluator.self, &frame, side.index, &out) == value::Status::Ok &&
        !out.is_absent()) {
      json.clear();
      value::append_json(json, out);
    }
    return json;
  };
  return "expected " + text(claim.right) + ", got " + text(claim.left);
}

}  // namespace

TestOutcome run_policy_test(const ir::Test& test, const decision::Pack& pack,
                            decision::Evaluator& evaluator) {
  if (!test.decision.empty()) {
    return run_decision_test(test, pack);
  }
  TestOutcome outcome;
  outcome.test = &test;
  for (const ir::TestClaim& claim : test.claims) {
    if (std::string failure = claim_failure(claim, pack); !failure.empty()) {
      outcome.failures.push_back(std::move(failure));
    }
  }
  if (!test.claims.empty()) {
    return outcome;
  }
  const auto stored = StoredRequest::from_test(test, pack);
  if (stored.has_error()) {
    outcome.failures.push_back(stored.error().message());
    return outcome;
  }
  const Verdict& verdict = evaluator.evaluate(pack, (*stored)->request());
  for (const ir::TestExpectation& expected : test.expectations) {
    if (expected.kind != Kind::Route) {
      conclude(expected, failure_of(expected, verdict, pack, (*stored)->request()), pack, outcome);
    }
  }
  for (const ir::TestExpectation& expected : test.expectations) {
    if (expected.kind == Kind::Route) {
      conclude(expected, route_failure(expected, (*stored)->request(), pack, evaluator), pack, outcome);
    }
  }
  return outcome;
}

}  // namespace catalyst::server
