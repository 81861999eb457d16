#pragma once

#include "compiler/ir/ir.h"

namespace catalyst::ir {

/// Whether a search of a text, somewhere in the condition, never meets the end of the condition's fuel. It
/// would fail there, which is not the same as not to find: a condition in which something may take much is
/// for the evaluator, together with the search.
bool spends_little(const Module& module, ExprId condition);

}  // namespace catalyst::ir
