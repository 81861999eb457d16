#pragma once

#include <string>

#include "compiler/ir/ir.h"

namespace catalyst::ir {

/// May a column, or a condition whose meaning is to be analysed, be of this type?
[[nodiscard]] bool is_column(types::TypeKind kind);

/// What is wrong with the tables and decisions of a module whose expressions and functions are in order;
/// empty when nothing is.
std::string decisions_problem(const Module& module);

}  // namespace catalyst::ir
