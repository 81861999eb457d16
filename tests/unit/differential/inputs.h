#pragma once

#include <string>
#include <vector>

#include "compiler/ir/ir.h"
#include "runtime/abi/frame.h"
#include "tests/unit/differential/generator.h"

namespace catalyst::differential {

/// One value per slot: mostly of its type, sometimes absent, sometimes unreadable, with extremes. Memory
/// comes from `arena`.
std::vector<value::Value> generate_inputs(const ir::Module& module, Random& random, Arena& arena);

/// Everything one evaluation of one root tells: compared between tiers as a whole.
struct Outcome {
  std::string result;  // truth or status, and the value with its kind and bits
  uint32_t error_expr = 0;
  int64_t fuel = 0;
  std::vector<std::string> trace;

  bool operator==(const Outcome&) const = default;
};

enum class Tracing { Off, On };

/// Evaluates one root on fresh memory.
Outcome evaluate(const ir::Module& module, const abi::ExprEvaluator& evaluator, ir::ExprId root,
                 const std::vector<value::Value>& slots, uint32_t fuel, Tracing tracing);

/// Exact text of a value: kind, scale, bits; every NaN is the same.
std::string exact(const value::Value& v);

}  // namespace catalyst::differential
