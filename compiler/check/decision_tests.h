#pragma once

#include "compiler/check/test_base.h"

namespace catalyst::check {

/// A test that calls a decision: `when shipping_fee(order) then 5.00 by otherwise`.
ir::Test check_decision_test(Pack& pack, const ast::TestDecl& test, const CaseNames& cases);

/// A test of functions and lists: `expect CONDITION`, which sees what a function sees, without parameters.
ir::Test check_claims(Pack& pack, const ast::TestDecl& test);

}  // namespace catalyst::check
