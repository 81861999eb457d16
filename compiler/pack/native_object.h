#pragma once

#include <string>
#include <string_view>

#include "compiler/pack/manifest.h"
#include "runtime/abi/target.h"
#include "runtime/base/result.h"

namespace catalyst::pack {

/// Machine code of a module, not yet linked: a part of a pack, or a file of an engine's cache.
struct NativeObject {
  abi::Target target;
  Digest made_from{};  // of the rules and of how they were compiled
  std::string code;
};

std::string write_native(const NativeObject& object);
/// Reads what a stranger may have written: that it can be read says nothing of what the code does.
Result<NativeObject> read_native(std::string_view bytes, size_t memory_bytes);

}  // namespace catalyst::pack
