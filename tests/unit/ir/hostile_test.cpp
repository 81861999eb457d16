// What verify lets through, evaluation survives: random modules with random damage. CATALYST_HOSTILE_MODULES
// (default 3000) chooses how many.

#include <gtest/gtest.h>

#include <cstdlib>

#include "compiler/ir/interpreter.h"
#include "compiler/ir/print.h"
#include "compiler/ir/verify.h"
#include "tests/unit/differential/inputs.h"

namespace catalyst::ir {
namespace {

using differential::below;
using differential::one_in;
using differential::Random;

/// Changes one thing, mostly to something that stands elsewhere in the module, so that it often still fits.
void damage(Module& m, Random& random) {
  Expr& e = m.exprs[below(random, static_cast<uint32_t>(m.exprs.size()))];
  const Expr& other = m.exprs[below(random, static_cast<uint32_t>(m.exprs.size()))];
  switch (below(random, 8)) {
    case 0:
      e.op = other.op;
      break;
    case 1:
      e.type = other.type;
      break;
    case 2:
      e.payload = one_in(random, 2) ? other.payload : static_cast<uint32_t>(random());
      break;
    case 3:
      e.operands_begin = other.operands_begin;
      break;
    case 4:
      e.operand_count = one_in(random, 2) ? other.operand_count : static_cast<uint32_t>(random());
      break;
    case 5:
      m.operands[below(random, static_cast<uint32_t>(m.operands.size()))] =
          ExprId(below(random, static_cast<uint32_t>(m.exprs.size())));
      break;
    case 6:
      m.consts[below(random, static_cast<uint32_t>(m.consts.size()))] =
          m.consts[below(random, static_cast<uint32_t>(m.consts.size()))];
      break;
    default:
      m.facts[below(random, static_cast<uint32_t>(m.facts.size()))].value =
          ExprId(below(random, static_cast<uint32_t>(m.exprs.size())));
      break;
  }
}

TEST(Hostile, WhatVerifyLetsThroughEvaluationSurvives) {
  const char* wanted = std::getenv("CATALYST_HOSTILE_MODULES");
  const uint64_t modules = wanted == nullptr ? 3000 : std::strtoull(wanted, nullptr, 10);
  uint32_t refused = 0;
  uint32_t evaluated = 0;
  for (uint64_t seed = 0; seed < modules; seed++) {
    const auto module = std::const_pointer_cast<Module>(differential::generate_module(seed % 100));
    Random random(seed);
    for (uint32_t n = 1 + below(random, 3); n > 0; n--) {
      damage(*module, random);
    }
    if (!verify(*module).empty()) {
      refused++;
      continue;
    }
    const Interpreter interpreter(module);
    Arena arena;
    const std::vector<value::Value> slots = differential::generate_inputs(*module, random, arena);
    for (const Rule& rule : module->rules) {
      EXPECT_FALSE(print(*module, rule.condition).empty());
      differential::evaluate(*module, interpreter.evaluator(), rule.condition, slots, 20'000,
                             differential::Tracing::On);
      evaluated++;
    }
  }
  EXPECT_GT(refused, modules / 4);
  EXPECT_GT(evaluated, modules / 4);
}

}  // namespace
}  // namespace catalyst::ir
