#pragma once

#include "compiler/check/pack.h"

namespace catalyst::check {

/// The body of a decision, and what is to be known of it but its function and its call.
struct CheckedDecision {
  ExprId body;
  ir::Decision info;
};

/// Checks a decision in a scope that holds its parameters. Reports rows and rules that cannot match, gaps and
/// overlaps, each with a witness. What it returns refers to the decision that is added to the module next.
CheckedDecision check_decision(Pack& pack, const ast::DecisionDecl& decision, Scope& scope, TypeId result);

/// The same for a table (tables.cpp).
CheckedDecision check_table(Pack& pack, const ast::DecisionDecl& decision, Scope& scope, TypeId result);

/// A test for one value of a column's type; a network stands for its addresses.
ir::TableTest is_test(Pack& pack, const value::Value& value, TypeId type);

}  // namespace catalyst::check
