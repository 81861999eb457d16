// Buckets as functions must answer as the reference does, whatever is absent, repeated or of another type.

#include <gtest/gtest.h>

#include "compiler/codegen/native.h"
#include "tests/unit/decision/random_pack.h"

namespace catalyst::test {
namespace {

TEST(Bucket, AnswersAsTheReferenceDoes) {
  constexpr uint32_t kPacks = 100;
  constexpr int kRequests = 200;
  size_t denied = 0;
  for (uint32_t seed = 0; seed < kPacks && !::testing::Test::HasFailure(); ++seed) {
    RandomPack random(50'000 + seed);
    random.fill();
    const std::shared_ptr<abi::Unit> unit = random.make().unit();
    codegen::Options options;
    options.opt_level = seed % 4 == 0 ? 0 : 2;
    const auto code = codegen::compile(random.make().shared(), options, unit.get());
    ASSERT_TRUE(code.has_value()) << code.error().message();
    codegen::NativeCode::install(*code, *unit);
    const decision::Pack pack(unit);
    denied += compare_with_reference(random, pack, seed, kRequests);
  }
  EXPECT_GT(denied, kPacks * kRequests / 10u);
}

/// Some buckets have functions, the others are packed: the same answers.
TEST(Bucket, WhatDecidesMostGoesFirst) {
  size_t hot = 0;
  size_t all = 0;
  for (uint32_t seed = 0; seed < 50 && !::testing::Test::HasFailure(); ++seed) {
    RandomPack random(60'000 + seed);
    random.fill();
    const std::shared_ptr<abi::Unit> unit = random.make().unit();
    codegen::Options options;
    all += (*codegen::compile(random.make().shared(), options, unit.get()))->native_buckets();
    options.decided.resize(unit->rules.size());
    options.decided[seed % unit->rules.size()] = 100;
    options.decided[0] = 1;
    const auto code = codegen::compile(random.make().shared(), options, unit.get());
    ASSERT_TRUE(code.has_value()) << code.error().message();
    hot += (*code)->native_buckets();
    codegen::NativeCode::install(*code, *unit);
    compare_with_reference(random, Pack(unit), seed, 100);
  }
  EXPECT_GT(hot, 0u);
  EXPECT_LT(hot, all / 2);
}

TEST(Bucket, TheHottestAreThoseThatDecided) {
  ModuleMaker make;
  constexpr int kRules = 100;
  for (int i = 0; i < kRules; i++) {
    make.deny("r" + std::to_string(i),
              make.boolean(ir::Op::Eq, {make.tenant(), make.text("t" + std::to_string(i))}));
  }
  const std::shared_ptr<abi::Unit> unit = make.unit();
  codegen::Options options;
  options.decided.resize(kRules);
  options.decided[7] = 90;
  options.decided[8] = 9;
  options.decided[9] = 1;
  const auto code = codegen::compile(make.shared(), options, unit.get());
  ASSERT_TRUE(code.has_value()) << code.error().message();
  EXPECT_EQ((*code)->native_buckets(), 2u) << "99 of 100 decisions";
  codegen::NativeCode::install(*code, *unit);
  const Pack pack(unit);
  Evaluator evaluator;
  for (const int tenant : {0, 7, 8, 9, 99}) {
    const std::string name = "t" + std::to_string(tenant);
    Principal principal;
    principal.tenant = name;
    Request request;
    request.principal = &principal;
    EXPECT_EQ(evaluator.evaluate(pack, request).rule_name, "r" + std::to_string(tenant));
  }
}

/// A bucket of 1,000 rules is a chain of functions.
TEST(Bucket, LongBucketsContinueInFurtherFunctions) {
  ModuleMaker make;
  constexpr int kRules = 1000;
  for (int i = 0; i < kRules; i++) {
    make.deny("r" + std::to_string(i), make.boolean(ir::Op::Eq, {make.risk(), make.integer(i)}));
  }
  const std::shared_ptr<abi::Unit> unit = make.unit();
  const auto code = codegen::compile(make.shared(), {}, unit.get());
  ASSERT_TRUE(code.has_value()) << code.error().message();
  EXPECT_EQ((*code)->native_buckets(), 1u);
  codegen::NativeCode::install(*code, *unit);
  const Pack pack(unit);
  Evaluator evaluator;
  for (const int risk : {0, 1, 127, 128, 129, 500, 999}) {
    Principal principal;
    principal.risk = risk;
    Request request;
    request.principal = &principal;
    EXPECT_EQ(evaluator.evaluate(pack, request).rule_name, "r" + std::to_string(risk));
  }
  Principal calm;
  calm.risk = 5000;
  Request request;
  request.principal = &calm;
  EXPECT_EQ(evaluator.evaluate(pack, request).outcome, decision::Outcome::Allow);
}

}  // namespace
}  // namespace catalyst::test
