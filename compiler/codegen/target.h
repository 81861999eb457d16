#pragma once

#include <memory>
#include <string>

#include "runtime/abi/target.h"
#include "runtime/base/result.h"

namespace llvm {
class TargetMachine;
}  // namespace llvm

namespace catalyst::codegen {

/// A machine that generates code for `target`. `opt_level` as in Options. LLVM is initialised by the first
/// call, so that processes which never compile pay nothing. An error when LLVM has no back end for it.
Result<std::unique_ptr<llvm::TargetMachine>> make_target_machine(const abi::Target& target, int opt_level);

}  // namespace catalyst::codegen
