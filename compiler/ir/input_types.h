#pragma once

#include "compiler/ir/ir.h"

namespace catalyst::ir {

/// May an input be read as the slot's type? What the gateway makes itself has one type and no path below it;
/// what comes from JSON is converted to any type, or found unreadable.
bool is_readable(const types::TypeTable& table, const Slot& slot);

}  // namespace catalyst::ir
