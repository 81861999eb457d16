// Interpreter against native code on generated programs and inputs: verdict, value, error, fuel and
// explanation, bit for bit. CATALYST_DIFF_CASES (default 100000) and CATALYST_DIFF_SEED (default: a fixed
// one; the tests of `./dev test` have two) choose how many and which.

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "compiler/codegen/native.h"
#include "compiler/ir/interpreter.h"
#include "compiler/ir/print.h"
#include "compiler/ir/verify.h"
#include "tests/unit/differential/inputs.h"

namespace catalyst::differential {
namespace {

constexpr uint64_t kDefaultSeed = 20261123;
constexpr uint64_t kDefaultCases = 100'000;
constexpr uint32_t kInputsPerProgram = 64;
/// So often the object code of two copies of a program is compared.
constexpr uint64_t kCompareEvery = 16;

uint64_t from_environment(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

std::vector<ir::ExprId> roots_of(const ir::Module& module) {
  std::vector<ir::ExprId> roots;
  for (const ir::Rule& rule : module.rules) {
    roots.push_back(rule.condition);
    roots.push_back(rule.message);
    roots.push_back(rule.effects[0].value);
  }
  for (const ir::Decision& decision : module.decisions) {
    roots.push_back(decision.call);
  }
  return roots;
}

struct Tier {
  const char* name;
  codegen::Options options;
  Tracing tracing;
  std::shared_ptr<const codegen::NativeCode> code;
};

std::string describe(const ir::Module& module, ir::ExprId root, const std::vector<value::Value>& slots,
                     const Outcome& expected, const Outcome& actual) {
  std::string text = "expression: " + ir::print(module, root) + "\ninputs:\n";
  for (size_t i = 0; i < slots.size(); i++) {
    text += "  " + module.slots[i].path[0] + ": " + module.types.text(module.slots[i].type) + " = " +
            exact(slots[i]) + "\n";
  }
  const auto outcome = [&](const Outcome& o) {
    return o.result + ", error at %" + std::to_string(o.error_expr) + ", fuel " + std::to_string(o.fuel) +
           ", " + std::to_string(o.trace.size()) + " trace lines";
  };
  text += "interpreter: " + outcome(expected) + "\nnative:      " + outcome(actual) + "\n";
  for (size_t i = 0; i < std::max(expected.trace.size(), actual.trace.size()); i++) {
    const std::string left = i < expected.trace.size() ? expected.trace[i] : "(nothing)";
    const std::string right = i < actual.trace.size() ? actual.trace[i] : "(nothing)";
    if (left != right) {
      return text + "first difference in the trace: " + left + " against " + right + "\n";
    }
  }
  return text;
}

TEST(Differential, NativeCodeAnswersAsTheInterpreterDoes) {
  const uint64_t seed = from_environment("CATALYST_DIFF_SEED", kDefaultSeed);
  const uint64_t cases = from_environment("CATALYST_DIFF_CASES", kDefaultCases);
  std::cout << "seed " << seed << ", " << cases << " cases\n";
  uint64_t done = 0;
  uint64_t failed_evaluations = 0;
  uint64_t native_roots = 0;
  for (uint64_t program = 0; done < cases; program++) {
    const std::shared_ptr<const ir::Module> module = generate_module(seed * 1'000'003 + program);
    const std::vector<std::string> problems = ir::verify(*module);
    ASSERT_TRUE(problems.empty()) << "program " << program << ": " << problems[0];
    const ir::Interpreter interpreter(module);
    Tier tiers[] = {{"O0", {0, false}, Tracing::Off, {}},
                    {"O2", {2, false}, Tracing::Off, {}},
                    {"O2 traced", {2, true}, Tracing::On, {}}};
    // Code is made from another copy of the program, as it is when it was kept.
    const std::shared_ptr<const ir::Module> twin = generate_module(seed * 1'000'003 + program);
    for (Tier& tier : tiers) {
      const auto object = codegen::emit(*twin, tier.options, nullptr, codegen::host_target());
      ASSERT_TRUE(object.has_value()) << "program " << program << ": " << object.error().message();
      if (program % kCompareEvery == 0) {
        ASSERT_EQ(*object, *codegen::emit(*module, tier.options, nullptr, codegen::host_target()));
      }
      auto compiled = codegen::link(module, *object, tier.options, nullptr);
      ASSERT_TRUE(compiled.has_value()) << "program " << program << ": " << compiled.error().message();
      tier.code = *compiled;
      native_roots += tier.code->native_roots();
    }
    Random random(seed ^ (program << 20));
    Arena arena;
    const std::vector<ir::ExprId> roots = roots_of(*module);
    for (uint32_t n = 0; n < kInputsPerProgram && done < cases; n++) {
      arena.reset();
      const std::vector<value::Value> slots = generate_inputs(*module, random, arena);
      static constexpr uint32_t kFuels[] = {20'000, 20'000, 200, 40, 9, 2, 0};
      const uint32_t fuel = kFuels[below(random, std::size(kFuels))];
      for (const ir::ExprId root : roots) {
        const Outcome expected = evaluate(*module, interpreter.evaluator(), root, slots, fuel, Tracing::Off);
        const Outcome traced = evaluate(*module, interpreter.evaluator(), root, slots, fuel, Tracing::On);
        for (const Tier& tier : tiers) {
          const Outcome& reference = tier.tracing == Tracing::On ? traced : expected;
          const Outcome actual = evaluate(*module, tier.code->evaluator(), root, slots, fuel, tier.tracing);
          ASSERT_EQ(reference, actual)
              << "program " << program << " at " << tier.name << ", fuel " << fuel << "\n"
              << describe(*module, root, slots, reference, actual)
              << "again with: CATALYST_DIFF_SEED=" << seed;
        }
        failed_evaluations += expected.error_expr != 0 ? 1 : 0;
        done++;
      }
    }
  }
  EXPECT_GT(native_roots, 0u) << "everything was interpreted";
  std::cout << native_roots << " native roots, " << done << " cases agree, "
            << failed_evaluations * 100 / done << " % of them errors\n";
}

}  // namespace
}  // namespace catalyst::differential
