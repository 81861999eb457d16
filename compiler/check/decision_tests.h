#pragma once

#include "compiler/check/test_base.h"

namespace catalyst::check {

/// A test that calls a decision: `when shipping_fee(order) then 5.00 by otherwise`.
ir::Test check_decision_test(Pack& pack, const ast::TestDecl& test, const CaseNames& cases);

}  // namespace catalyst::check
