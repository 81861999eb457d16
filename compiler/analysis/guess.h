#pragma once

#include <optional>
#include <span>

#include "compiler/analysis/solver.h"

namespace catalyst::analysis {

/// A model of all `formulas`, found by taking each at its word: what most conditions ask for can be read off
/// them, in a hundredth of the time that Z3 takes to find it. Nothing found says nothing. What is found is to
/// be tried like any model; windows over the past are left to Z3, which knows what pasts there can be.
std::optional<Model> guess(const World& world, std::span<const FormulaId> formulas);

}  // namespace catalyst::analysis
