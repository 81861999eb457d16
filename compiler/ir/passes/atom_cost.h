#pragma once

#include "runtime/abi/plan.h"

namespace catalyst::ir {

/// What testing an atom takes, in no unit: a rule's cheap atoms are tested first, the tool before all.
int atom_cost(const abi::Atom& atom);

}  // namespace catalyst::ir
