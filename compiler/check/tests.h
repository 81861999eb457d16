#pragma once

#include "compiler/check/pack.h"

namespace catalyst::check {

/// Checks the `test` blocks and adds them to the module as data.
void check_tests(Pack& pack);

}  // namespace catalyst::check
