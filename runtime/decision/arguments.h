#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/abi/unit.h"
#include "runtime/base/arena.h"
#include "runtime/value/value.h"

namespace catalyst::decision {

/// What is wrong with one part of a decision's arguments.
struct ArgumentProblem {
  std::string pointer;  // RFC 6901, into the object of arguments: "/order/total"
  std::string detail;
};

/// Reads the JSON object `text`, a member for each parameter, into the slots of the parameters. Strict:
/// unknown, repeated and missing members are problems, as is what does not fit its type; the first 20 are
/// told. Strings may point into `text`. Nothing is read beyond `depth` levels.
std::vector<ArgumentProblem> read_arguments(const abi::Unit& unit, const abi::DecisionInfo& decision,
                                            std::string_view text, uint32_t depth, Arena& arena,
                                            std::vector<value::Value>& slots);

/// One call of a batch; views of its text.
struct BatchCall {
  std::string decision;
  std::string_view arguments;  // "{}" when it has none
};
/// Reads {"calls": [{"decision": NAME, "arguments": {...}}, ...]}. Nothing when the text is something else.
/// Reads at most one call more than `most`.
std::optional<std::vector<BatchCall>> read_batch(std::string_view text, uint32_t depth, size_t most);

/// JSON Schema (2020-12) of what a decision takes: an object with a property for each parameter.
std::string arguments_schema(const abi::Unit& unit, const abi::DecisionInfo& decision);
/// JSON Schema of what it answers.
std::string result_schema(const abi::Unit& unit, const abi::DecisionInfo& decision);

}  // namespace catalyst::decision
