#include "compiler/codegen/native.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <stop_token>
#include <thread>

#include "tests/unit/decision/module_maker.h"

namespace catalyst::codegen {
namespace {

using ir::Op;
using test::ModuleMaker;

/// Rules over the principal with texts, arithmetic, a loop and a regular expression in them.
std::shared_ptr<const ir::Module> some_module(int rules) {
  ModuleMaker make;
  make.module().regexes.push_back("^a+b");
  for (int i = 0; i < rules; i++) {
    const auto sum = make.op(Op::Add, types::TypeTable::kInt, {make.risk(), make.integer(i)});
    auto condition =
        make.both(make.boolean(Op::Gt, {sum, make.integer(50)}),
                  make.boolean(Op::Eq, {make.tenant(), make.text("tenant number " + std::to_string(i))}));
    condition = make.boolean(
        Op::Or, {condition, make.op(Op::Regex, types::TypeTable::kBool, {make.principal_id()}, 0)});
    make.deny("r" + std::to_string(i), condition);
  }
  return make.shared();
}

/// A frame over the slots of some_module, in the order in which they were made.
struct Bench {
  explicit Bench(const ir::Module& module, int64_t risk, std::string_view tenant, std::string_view id) {
    for (const ir::Slot& slot : module.slots) {
      slots.push_back(slot.root == abi::InputRoot::PrincipalRisk     ? value::Value::of_int(risk)
                      : slot.root == abi::InputRoot::PrincipalTenant ? value::Value::of_string(tenant)
                                                                     : value::Value::of_string(id));
    }
    frame.slots = slots.data();
    frame.arena = &arena;
    frame.fuel = 1000;
    frame.fuel_limit = 1000;
  }
  std::vector<value::Value> slots;
  Arena arena;
  abi::Frame frame;
};

abi::Truth first_condition(const NativeCode& code, const ir::Module& module, Bench bench) {
  const abi::ExprEvaluator evaluator = code.evaluator();
  return evaluator.condition(evaluator.self, &bench.frame, module.rules[0].condition.index);
}

TEST(Native, DecidesAndFailsAsWritten) {
  const auto module = some_module(1);
  for (const int level : {0, 2}) {
    Options options;
    options.opt_level = level;
    const auto code = compile(module, options);
    ASSERT_TRUE(code.has_value()) << code.error().message();
    EXPECT_EQ((*code)->native_roots(), 1u);
    EXPECT_EQ(first_condition(**code, *module, Bench(*module, 51, "tenant number 0", "x")), abi::kTrue);
    EXPECT_EQ(first_condition(**code, *module, Bench(*module, 50, "tenant number 0", "x")), abi::kFalse);
    EXPECT_EQ(first_condition(**code, *module, Bench(*module, 51, "tenant number 1", "x")), abi::kFalse);
    EXPECT_EQ(first_condition(**code, *module, Bench(*module, 0, "", "aab")), abi::kTrue);
    Bench broken(*module, 51, "tenant number 0", "x");
    broken.slots[0] = value::Value::invalid();
    const abi::ExprEvaluator evaluator = (*code)->evaluator();
    EXPECT_EQ(evaluator.condition(evaluator.self, &broken.frame, module->rules[0].condition.index),
              abi::kTruthError + static_cast<int>(value::Status::BadType));
  }
}

/// Object code of one module runs for another that is the same: no address is in it.
TEST(Native, ObjectCodeServesEveryProcess) {
  for (const int level : {0, 2}) {
    Options options;
    options.opt_level = level;
    auto module = some_module(20);
    const auto object = emit(*module, options, nullptr, host_target());
    ASSERT_TRUE(object.has_value()) << object.error().message();
    const auto twin = some_module(20);
    EXPECT_EQ(*object, *emit(*twin, options, nullptr, host_target()));
    module.reset();
    const auto code = link(twin, *object, options, nullptr);
    ASSERT_TRUE(code.has_value()) << code.error().message();
    EXPECT_EQ((*code)->native_roots(), 20u);
    EXPECT_EQ(first_condition(**code, *twin, Bench(*twin, 51, "tenant number 0", "x")), abi::kTrue);
    EXPECT_EQ(first_condition(**code, *twin, Bench(*twin, 51, "tenant number 1", "x")), abi::kFalse);
    EXPECT_EQ(first_condition(**code, *twin, Bench(*twin, 0, "", "aab")), abi::kTrue);
    EXPECT_FALSE(link(some_module(21), *object, options, nullptr).has_value()) << "other rules";
    EXPECT_FALSE(link(twin, object->substr(0, object->size() / 2), options, nullptr).has_value());
    EXPECT_FALSE(link(twin, "", options, nullptr).has_value());
  }
}

TEST(Native, SaysWhyCodeOfAnotherTargetCannotRun) {
  EXPECT_FALSE(host_target().program.empty()) << "the linker writes no build id";
  EXPECT_EQ(mismatch(host_target()), "");
  abi::Target other = host_target();
  other.llvm = "18.1.0";
  EXPECT_NE(mismatch(other), "");
  other = host_target();
  other.program = "00";
  EXPECT_NE(mismatch(other), "");
#ifdef __x86_64__
  EXPECT_EQ(mismatch(*named_target("x86-64")), "");
  other = *named_target("x86-64");
  for (const char* feature :
       {"amx-tile", "tbm", "fma4", "avx512vp2intersect"}) {  // no processor has all of them
    other.features += (other.features.empty() ? "+" : ",+") + std::string(feature);
  }
  EXPECT_NE(mismatch(other).find("lacks"), std::string::npos) << mismatch(other);
#endif
  EXPECT_FALSE(named_target("abacus").has_value());
}

TEST(Native, LargeRootsStayWithTheInterpreter) {
  const auto module = some_module(3);
  Options options;
  options.exprs_per_root_max = 3;
  const auto code = compile(module, options);
  ASSERT_TRUE(code.has_value()) << code.error().message();
  EXPECT_EQ((*code)->native_roots(), 0u);
  EXPECT_EQ(first_condition(**code, *module, Bench(*module, 51, "tenant number 0", "x")), abi::kTrue);
}

/// Sharing one expression by two operands, forty levels up, is 2^40 expressions once it is a tree.
TEST(Native, SharedExpressionsDoNotExplode) {
  ModuleMaker make;
  auto condition = make.mfa();
  for (int i = 0; i < 40; i++) {
    condition = make.both(condition, condition);
  }
  make.deny("r", condition);
  const auto code = compile(make.shared());
  ASSERT_TRUE(code.has_value()) << code.error().message();
  EXPECT_EQ((*code)->native_roots(), 0u);
}

TEST(Native, LimitsAreErrors) {
  const auto module = some_module(50);
  Options small_code;
  small_code.code_bytes_max = 1000;
  EXPECT_FALSE(compile(module, small_code).has_value());
  Options few_exprs;
  few_exprs.exprs_max = 100;
  EXPECT_FALSE(compile(module, few_exprs).has_value());
}

TEST(Native, StopsInTheMiddle) {
  using Clock = std::chrono::steady_clock;
  const auto module = some_module(400);
  const auto begin = Clock::now();
  ASSERT_TRUE(compile(module).has_value());
  const auto whole = Clock::now() - begin;
  // At every stage: lowering, optimisation, code generation, linking.
  for (int tenths = 0; tenths < 10; ++tenths) {
    std::stop_source source;
    std::jthread stopper([&, tenths] {
      std::this_thread::sleep_for(whole * tenths / 10);
      source.request_stop();
    });
    Options options;
    options.stop = source.get_token();
    const auto code = compile(module, options);
    if (!code.has_value()) {
      EXPECT_EQ(code.error().message(), "stopped");
      EXPECT_TRUE(source.stop_requested());
    }
  }
  std::stop_source source;
  source.request_stop();
  Options options;
  options.stop = source.get_token();
  EXPECT_FALSE(compile(module, options).has_value());
}

TEST(Native, BucketsBeyondTheBudgetStayPacked) {
  ModuleMaker make;
  make.deny("r", make.boolean(Op::Eq, {make.risk(), make.integer(1)}));
  const auto unit = make.unit();
  Options options;
  options.bucket_cells_max = 1;
  const auto code = compile(make.shared(), options, unit.get());
  ASSERT_TRUE(code.has_value()) << code.error().message();
  EXPECT_EQ((*code)->native_buckets(), 0u);
}

size_t resident_bytes() {
  size_t pages = 0;
  size_t resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

TEST(Native, LoadingAndUnloadingKeepsNothing) {
  const auto module = some_module(1);
  constexpr int kWarm = 100;
  constexpr int kLoads = 1000;
  size_t before = 0;
  for (int i = 0; i < kWarm + kLoads; i++) {
    if (i == kWarm) {
      before = resident_bytes();
    }
    const auto code = compile(module);
    ASSERT_TRUE(code.has_value()) << code.error().message();
    ASSERT_EQ(first_condition(**code, *module, Bench(*module, 51, "tenant number 0", "x")), abi::kTrue);
  }
  const size_t after = resident_bytes();
  EXPECT_LT(after, before + 4 * 1024 * 1024) << "from " << before;
}

}  // namespace
}  // namespace catalyst::codegen
