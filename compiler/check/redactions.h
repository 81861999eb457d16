#pragma once

#include <string_view>
#include <vector>

#include "compiler/ir/ir.h"

namespace catalyst::check {

/// "pii.email"; nullptr when there is no redaction of that name.
const ir::Redaction* find_redaction(std::string_view name);
std::vector<std::string_view> redaction_names();

}  // namespace catalyst::check
