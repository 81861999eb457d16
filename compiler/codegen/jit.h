#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "runtime/base/result.h"

namespace llvm {
class Module;
class TargetMachine;
}  // namespace llvm

namespace catalyst::codegen {

/// Cleans up what lowering wrote: memory to registers, common tests once, straight control flow. Nothing that
/// inlines or unrolls, so time stays linear in the size of the module. Leaves off before the next function
/// when stop is requested.
void optimise(llvm::Module& module, llvm::TargetMachine& machine, const std::stop_token& stop);

/// Object code of `module`. Errors: more than `code_bytes_max` of it, or stop was requested, which is looked
/// at between functions.
Result<std::string> emit_object(llvm::Module& module, llvm::TargetMachine& machine, size_t code_bytes_max,
                                const std::stop_token& stop);

/// Executable memory of one unit: written, then made read-only and executable before any pointer leaves.
/// Destroying it unmaps the code; the caller sees to it that no thread is inside.
class MachineCode {
 public:
  /// Links what emit_object gave. `table` names a global array of pointers, the only thing that is looked up.
  /// Symbols that the code uses but does not define resolve against the host allow list and `places`, the
  /// addresses of the unit's data by Place, alone. Errors: bytes that are no object code, an unknown symbol,
  /// memory that the system refuses.
  static Result<std::unique_ptr<MachineCode>> link(const std::string& object, const std::string& table,
                                                   std::span<const void* const> places);
  ~MachineCode();
  MachineCode(const MachineCode&) = delete;
  MachineCode& operator=(const MachineCode&) = delete;

  [[nodiscard]] const void* const* table() const { return table_; }
  [[nodiscard]] size_t object_bytes() const { return object_bytes_; }

 private:
  struct Session;
  explicit MachineCode(std::unique_ptr<Session> session);

  std::unique_ptr<Session> session_;
  const void* const* table_ = nullptr;
  size_t object_bytes_ = 0;
};

}  // namespace catalyst::codegen
