#pragma once

#include "compiler/types/type.h"
#include "runtime/value/scratch.h"
#include "runtime/value/value.h"

namespace catalyst::ir {

/// The meaning of `x as T?`: the json value seen as `type` (not optional), or Absent when it is not that.
/// Numbers widen to decimal and float, strings are read as enum member, time, duration or ip; lists, maps and
/// records are cast inside and out: one element that does not fit makes the whole Absent. Charges one step a
/// value.
value::Status cast(const types::TypeTable& table, const value::Scratch& scratch, const value::Value& from,
                   types::TypeId type, value::Value* out) noexcept;

}  // namespace catalyst::ir
