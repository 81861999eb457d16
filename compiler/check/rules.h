#pragma once

#include <optional>
#include <string_view>

#include "compiler/check/pack.h"

namespace catalyst::check {

std::optional<abi::Hook> find_hook(std::string_view text);

/// Checks all rules and adds them to the module, in the order in which they stand.
void check_rules(Pack& pack);
void check_defaults(Pack& pack);

}  // namespace catalyst::check
