#pragma once

#include <unordered_map>
#include <vector>

#include "runtime/abi/unit.h"
#include "runtime/decision/explain.h"

namespace catalyst::decision {

/// Receives what the interpreter evaluates and keeps it as text, since values live in the evaluation's arena.
/// Where a decision chooses a row, the name of the row stands for its number.
struct TraceCollector : abi::TraceSink {
  explicit TraceCollector(const abi::Unit& unit_to_explain);

  const abi::Unit& unit;
  std::vector<ExplainedCondition> conditions;

 private:
  static void take(abi::TraceSink* self, uint32_t expr, value::Status status,
                   const value::Value* value) noexcept;

  std::unordered_map<uint32_t, const abi::DecisionInfo*> choosers_;
};

/// The names of the rows that a chooser's answer means.
std::vector<std::string> row_names(const abi::DecisionInfo& decision, const value::Value& chosen);

}  // namespace catalyst::decision
