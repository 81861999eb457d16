#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/hook.h"
#include "runtime/value/value.h"

namespace catalyst::decision {

enum class Outcome : uint8_t { Allow, Deny };

enum class AuditLevel : uint8_t { None, Metadata, Full };

/// `set PATH = value`: replace (or add) the member at `path` below the arguments, or the params of hooks
/// without them. `json` is the new value's JSON text.
struct SetEffect {
  std::span<const std::string_view> path;
  std::string_view json;
  uint32_t rule = 0;
};

/// `redact [patterns in] PATH`: with patterns, every match inside strings at or below `path` becomes
/// "[redacted]"; without, the whole value does. Segment "*" stands for every element or member. Patterns are
/// indexes into Pack::redact_patterns().
struct RedactEffect {
  std::span<const std::string_view> path;
  std::span<const uint32_t> patterns;
  uint32_t rule = 0;
  abi::RedactPlace place = abi::RedactPlace::Result;  // which text `path` leads into
};

struct TagEffect {
  std::string_view key;
  std::string_view value;
  uint32_t rule = 0;
};

/// `limit N per D by KEY burst M`. The engine only says that it applies; decision::take counts.
struct LimitEffect {
  std::string_view key;  // "" without `by`
  int64_t count = 0;
  int64_t per_us = 0;
  int64_t burst = 0;
  uint32_t rule = 0;
};

/// `require approval from role "x" within D`, `require mfa`: what must have happened before the request goes
/// on. Those that `principal` fulfils are left out; of two of one kind and role the shorter time is kept.
struct RequireEffect {
  std::string_view what;
  std::string_view role;  // "": nobody in particular
  int64_t within_us = 0;  // 0: no limit
  uint32_t rule = 0;
};

/// `emit "event" { ... }`, `start workflow(...)`, `label NAME`.
struct NamedEffect {
  std::string_view name;
  std::string_view json;  // data of an event, arguments of a workflow {"0": ...}; "": none
  uint32_t rule = 0;
};

/// What a window counts of a request, once it was sent.
struct WindowEvent {
  uint32_t window = 0;   // in the unit
  std::string_view key;  // "" without `by`
  value::Value amount;   // of a sum; of `distinct` the text
};

/// A rule whose condition ended in an error (counted, logged; decides as its `on error` says).
struct RuleError {
  uint32_t rule = 0;
  value::Status status = value::Status::Ok;
  uint32_t expr = 0;  // where, an id of the unit's source map
};

/// The answer of one evaluation. Spans and views point into the evaluator's scratch and the pack: read them
/// before the evaluator is used again.
struct Verdict {
  static constexpr uint32_t kNoRule = UINT32_MAX;

  Outcome outcome = Outcome::Allow;
  bool hidden = false;         // list hooks: not shown, and refused as unknown when asked for
  uint32_t rule = kNoRule;     // the rule that decided; kNoRule: the default did
  std::string_view rule_name;  // "" when the default decided
  std::string_view message;    // what the rule says to the caller, "" when it says nothing
  RuleError error;             // when the deciding rule matched because of an error
  AuditLevel audit = AuditLevel::None;
  std::span<const SetEffect> sets;
  std::span<const RedactEffect> redactions;
  std::span<const TagEffect> tags;
  std::span<const NamedEffect> emits;
  std::span<const NamedEffect> labels;
  std::span<const NamedEffect> starts;  // of allowed requests, like the following
  std::span<const LimitEffect> limits;  // all apply
  std::span<const RequireEffect> requirements;
  std::span<const WindowEvent> counted;  // of allowed requests: for the windows, when it is sent
  std::string_view description;   // list hooks: what the description is replaced by; data() null: stays
  std::string_view route;         // "": none; rules that disagree do not compile. Valid as long as the pack
  uint32_t route_rule = kNoRule;  // which rule chose it
  std::span<const uint32_t> shadows;  // shadow rules that matched
  std::span<const RuleError> errors;  // of all rules that failed, at most kErrorsMax
  static constexpr size_t kErrorsMax = 16;
};

}  // namespace catalyst::decision
