#pragma once

#include "compiler/check/pack.h"

namespace catalyst::check {

/// Checks all rules and adds them to the module, in the order in which they stand.
void check_rules(Pack& pack);
void check_properties(Pack& pack);
void check_defaults(Pack& pack);

}  // namespace catalyst::check
