// Limits and laws of evaluation that the differential test cannot see, because both tiers share them.

#include <gtest/gtest.h>

#include "compiler/ir/interpreter.h"
#include "compiler/ir/print.h"
#include "compiler/ir/verify.h"
#include "runtime/value/builtin.h"
#include "tests/unit/differential/inputs.h"

namespace catalyst::ir {
namespace {

using differential::Outcome;
using differential::Tracing;
using types::TypeId;
using types::TypeTable;
using value::Status;
using value::Value;

#if defined(__has_feature)
#define CATALYST_SANITIZED __has_feature(address_sanitizer)
#else
#define CATALYST_SANITIZED 0
#endif

constexpr uint32_t kFuel = 20'000;

class InterpreterTest : public ::testing::Test {
 protected:
  ExprId add(Op op, TypeId type, const std::vector<ExprId>& operands = {}, uint32_t payload = 0) {
    module_->exprs.push_back({op, type, payload, static_cast<uint32_t>(module_->operands.size()),
                              static_cast<uint32_t>(operands.size())});
    module_->operands.insert(module_->operands.end(), operands.begin(), operands.end());
    module_->expr_spans.emplace_back();
    return ExprId(module_->exprs.size() - 1);
  }
  ExprId literal(const Value& v, TypeId type) {
    module_->consts.push_back(v);
    module_->const_types.push_back(type);
    return add(Op::Const, type, {}, static_cast<uint32_t>(module_->consts.size() - 1));
  }
  ExprId integer(int64_t x) { return literal(Value::of_int(x), TypeTable::kInt); }
  ExprId boolean(bool x) { return literal(Value::of_bool(x), TypeTable::kBool); }
  /// A bool that fails: 1 / 0 == 1.
  ExprId failing() {
    failed_at_ = add(Op::Div, TypeTable::kInt, {integer(1), integer(0)});
    return add(Op::Eq, TypeTable::kBool, {failed_at_, integer(1)});
  }
  ExprId both(Op op, ExprId a, ExprId b) { return add(op, TypeTable::kBool, {a, b}); }
  void rule(ExprId condition) {
    module_->targets.resize(1);
    Rule& r = module_->rules.emplace_back();
    r.name = "r";
    r.hook = abi::Hook::Call;
    r.target = TargetId(0u);
    r.condition = condition;
    r.local_count = 4;
  }
  Outcome run(ExprId root) {
    rule(root);
    EXPECT_EQ(verify(*module_), std::vector<std::string>());
    const Interpreter interpreter(module_);
    return differential::evaluate(*module_, interpreter.evaluator(), root, {}, kFuel, Tracing::Off);
  }
  static std::string truth(bool x) { return x ? "truth 1" : "truth 0"; }
  static std::string error(Status status) {
    return "truth " + std::to_string(abi::kTruthError + static_cast<int>(status));
  }

  std::shared_ptr<Module> module_ = std::make_shared<Module>();
  ExprId failed_at_;
};

TEST_F(InterpreterTest, AnErrorBesideADecidedConnectiveDoesNotCount) {
  EXPECT_EQ(run(both(Op::And, failing(), boolean(false))).result, truth(false));
  EXPECT_EQ(run(both(Op::And, boolean(false), failing())).result, truth(false));
  EXPECT_EQ(run(both(Op::Or, failing(), boolean(true))).result, truth(true));
  EXPECT_EQ(run(both(Op::Or, boolean(true), failing())).result, truth(true));
}

TEST_F(InterpreterTest, TheFirstErrorIsNamed) {
  const ExprId first = failing();
  const ExprId at = failed_at_;
  const Outcome outcome = run(both(Op::And, first, failing()));
  EXPECT_EQ(outcome.result, error(Status::DivisionByZero));
  EXPECT_EQ(outcome.error_expr, at.index);
}

TEST_F(InterpreterTest, FunctionsThatCallTwiceRunOutOfFuel) {
  const TypeId b = TypeTable::kBool;
  for (uint32_t n = 0; n < 60; n++) {
    const auto call = [&] { return add(Op::CallFn, b, {add(Op::Local, b)}, n - 1); };
    Function f;
    f.name = "f" + std::to_string(n);
    f.parameters = {b};
    f.result = b;
    f.body = n == 0 ? add(Op::Local, b) : both(Op::And, call(), call());
    f.local_count = 1;
    module_->functions.push_back(f);
  }
  const Outcome outcome = run(add(Op::CallFn, b, {boolean(true)}, 59));
  EXPECT_EQ(outcome.result, error(Status::OutOfFuel));
  EXPECT_EQ(outcome.fuel, 0);
}

TEST_F(InterpreterTest, SharedExpressionsAreLimitedAsTrees) {
  ExprId x = boolean(true);
  for (int i = 0; i < 64; i++) {
    x = both(Op::And, x, x);
  }
  rule(x);
  ASSERT_EQ(verify(*module_).size(), 1u);
  EXPECT_EQ(verify(*module_)[0], "rule r is too large");
}

TEST_F(InterpreterTest, RecursionIsRefused) {
  module_->functions.push_back({"f", {}, TypeTable::kBool, ExprId(), 0});
  module_->functions[0].body = add(Op::Not, TypeTable::kBool, {add(Op::CallFn, TypeTable::kBool)});
  ASSERT_EQ(verify(*module_).size(), 1u);
  EXPECT_EQ(verify(*module_)[0], "function f uses itself or is nested too deeply");
}

TEST_F(InterpreterTest, DepthIsCountedAcrossCalls) {
  constexpr uint32_t kDeepest = (kMaxDepth - 1) / kCallLevels;
  for (uint32_t n = 0; n <= kDeepest + 1; n++) {
    const ExprId body = n == 0 ? boolean(true) : add(Op::CallFn, TypeTable::kBool, {}, n - 1);
    module_->functions.push_back({"f" + std::to_string(n), {}, TypeTable::kBool, body, 0});
  }
  EXPECT_EQ(verify(*module_).size(), 1u);
  module_->functions.pop_back();
  // Frames of a sanitized build are several times larger.
  const uint32_t called = kDeepest / (CATALYST_SANITIZED ? 4 : 1);
  EXPECT_EQ(run(module_->functions[called].body).result, truth(true));
}

TEST_F(InterpreterTest, VariablesStayInTheirLoopAndKeepTheirType) {
  const TypeId ints = module_->types.list_of(TypeTable::kInt);
  const ExprId list = add(Op::MakeList, ints, {integer(1), integer(2)});
  const auto any = [&](TypeId type, const Value& v) {
    const ExprId test = add(Op::Eq, TypeTable::kBool, {add(Op::Local, type, {}, 3), literal(v, type)});
    return add(Op::Any, TypeTable::kBool, {list, test}, 3);
  };
  EXPECT_EQ(run(any(TypeTable::kInt, Value::of_int(2))).result, truth(true));
  any(TypeTable::kString, Value::of_string("2"));
  EXPECT_EQ(verify(*module_).size(), 1u);
}

TEST_F(InterpreterTest, AVariableOutsideItsLoopIsRefused) {
  rule(add(Op::Local, TypeTable::kBool, {}, 3));
  EXPECT_EQ(verify(*module_).size(), 1u);
}

TEST_F(InterpreterTest, AConstantOfAnotherTypeIsRefused) {
  rule(literal(Value::of_int(1), TypeTable::kBool));
  EXPECT_EQ(verify(*module_), std::vector<std::string>{"constant 0 is not of its type"});
}

TEST_F(InterpreterTest, ARecordIsNoTextWhateverItIsCalled) {
  const TypeId impostor = module_->types.record_type("string", {}, false);
  const ExprId record = literal(Value::of_map(nullptr, 0), impostor);
  const ExprId lowered =
      add(Op::Builtin, TypeTable::kString, {record}, static_cast<uint32_t>(value::Builtin::Lower));
  rule(add(Op::Eq, TypeTable::kBool, {lowered, lowered}));
  EXPECT_FALSE(verify(*module_).empty());
}

TEST_F(InterpreterTest, WhatMayBeAbsentIsOptional) {
  const TypeId texts = module_->types.list_of(TypeTable::kString);
  const ExprId none = literal(Value::of_list(nullptr, 0), texts);
  const ExprId first =
      add(Op::Builtin, TypeTable::kString, {none}, static_cast<uint32_t>(value::Builtin::First));
  rule(add(Op::Eq, TypeTable::kBool, {first, first}));
  EXPECT_FALSE(verify(*module_).empty());
}

TEST_F(InterpreterTest, LocalsAreCounted) {
  const ExprId list = literal(Value::of_list(nullptr, 0), module_->types.list_of(TypeTable::kBool));
  rule(add(Op::Any, TypeTable::kBool, {list, add(Op::Local, TypeTable::kBool, {}, 7)}, 7));
  EXPECT_FALSE(verify(*module_).empty());
  module_->rules.back().local_count = 8;
  EXPECT_TRUE(verify(*module_).empty());
  module_->rules.back().local_count = kMaxLocals + 1;
  EXPECT_FALSE(verify(*module_).empty());
}

TEST_F(InterpreterTest, AMessageIsText) {
  rule(boolean(true));
  module_->rules.back().message = integer(4711);
  EXPECT_FALSE(verify(*module_).empty());
}

TEST_F(InterpreterTest, InputsHaveTheTypesThatTheGatewayGivesThem) {
  module_->slots.push_back({abi::InputRoot::PrincipalRisk, {}, TypeTable::kString});
  rule(boolean(true));
  EXPECT_FALSE(verify(*module_).empty());
  module_->slots.back().type = TypeTable::kInt;
  EXPECT_TRUE(verify(*module_).empty());
}

TEST_F(InterpreterTest, ConstantsAreAsOperationsExpectThem) {
  uint8_t octets[16] = {};
  for (const auto& [v, type] : {std::pair(Value::of_decimal(10, 1), TypeTable::kDecimal),
                                std::pair(Value::of_decimal(1, 200), TypeTable::kDecimal),
                                std::pair(Value::of_ip(octets, 200), TypeTable::kIp)}) {
    literal(v, type);
    EXPECT_FALSE(verify(*module_).empty());
    module_->consts.pop_back();
    module_->const_types.pop_back();
    module_->exprs.pop_back();
    module_->expr_spans.pop_back();
  }
}

TEST_F(InterpreterTest, PrintsWithoutIds) {
  const ExprId sum = add(Op::Add, TypeTable::kInt, {integer(1), integer(2)});
  EXPECT_EQ(print(*module_, add(Op::Gt, TypeTable::kBool, {sum, integer(-3)})), "gt(add(1, 2), -3)");
}

}  // namespace
}  // namespace catalyst::ir
