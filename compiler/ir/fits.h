#pragma once

#include "compiler/types/type.h"
#include "runtime/value/value.h"

namespace catalyst::ir {

/// Is the value laid out as evaluation expects of the type, all the way down? Code reads values by their
/// static type alone, so a constant that does not fit must never get there.
bool fits(const types::TypeTable& table, types::TypeId type, const value::Value& v);

}  // namespace catalyst::ir
