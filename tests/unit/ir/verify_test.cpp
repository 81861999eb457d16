#include "compiler/ir/verify.h"

#include <gtest/gtest.h>

#include "compiler/ir/test_limits.h"

namespace catalyst::ir {
namespace {

/// A module of one test that has counted what `past` says.
Module with_past(std::vector<PastCall> past, int64_t now_us = 0) {
  Module module;
  Test& test = module.tests.emplace_back();
  test.title = "t";
  test.now_us = now_us;
  test.past = std::move(past);
  return module;
}

PastCall call(uint32_t times, int64_t ago_us = 0) {
  PastCall out;
  out.times = times;
  out.ago_us = ago_us;
  return out;
}

TEST(Verify, ThePastOfATestIsBounded) {
  EXPECT_TRUE(verify(with_past({call(kMaxPastCalls)})).empty());
  EXPECT_FALSE(verify(with_past({call(UINT32_MAX)})).empty());
  EXPECT_FALSE(verify(with_past({call(kMaxPastCalls), call(1)})).empty()) << "all together";
}

TEST(Verify, ThePastOfATestLiesAtTimesThatThereAre) {
  EXPECT_FALSE(verify(with_past({call(1, -1)})).empty());
  EXPECT_FALSE(verify(with_past({call(1, INT64_MAX)}, -2)).empty());
  EXPECT_TRUE(verify(with_past({call(1, INT64_MAX)}, -1)).empty());
  PastCall nowhere = call(1);
  nowhere.hook = static_cast<abi::Hook>(abi::kHookCount);
  EXPECT_FALSE(verify(with_past({nowhere})).empty());
}

}  // namespace
}  // namespace catalyst::ir
