#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"
#include "runtime/abi/frame.h"
#include "runtime/abi/target.h"
#include "runtime/abi/unit.h"
#include "runtime/base/result.h"

namespace catalyst::codegen {

struct Options {
  /// 0: fastest to compile, for tests. Anything else: the light pipeline of optimise().
  int opt_level = 2;
  /// Code reports to Frame::trace as the interpreter does. Costs a call an expression: for differential
  /// tests.
  bool trace = false;
  /// Object code of one unit. 10,000 ordinary rules take about 10 MiB; more than the default is a pack gone
  /// wrong.
  size_t code_bytes_max = 64u * 1024 * 1024;
  /// Expressions of one root, facts and functions not included. What is larger stays with the interpreter,
  /// because LLVM takes more than linear time and a deep stack for one huge function.
  uint32_t exprs_per_root_max = 4096;
  /// Expressions of a module in all, after sharing is undone. Bounds compile time and LLVM's memory (about 2
  /// KiB an expression).
  uint32_t exprs_max = 2'000'000;
  /// Cells (rules and atoms) of decision buckets that become functions; the buckets behind stay packed.
  /// 10,000 ordinary rules have 50,000.
  size_t bucket_cells_max = 1'000'000;
  /// How often each rule decided. Not empty: only the buckets that decide most get functions, and only rules
  /// that stand there or decided get roots, so that this code is there early; the rest stays packed.
  std::vector<uint64_t> decided;
  /// When stop is requested, compile gives up before the next function and answers an error.
  std::stop_token stop;
};

/// Machine code of one unit. Immutable and thread-safe; frees its code when the last owner goes. Same answers
/// as the interpreter, bit for bit: value, status, failing expression, fuel left and (with Options::trace)
/// trace records.
class NativeCode {
 public:
  struct Impl;
  explicit NativeCode(std::unique_ptr<const Impl> impl);
  ~NativeCode();
  NativeCode(const NativeCode&) = delete;
  NativeCode& operator=(const NativeCode&) = delete;

  /// Valid as long as this object lives. Expressions that are not roots of rules, or too large, run in the
  /// interpreter.
  [[nodiscard]] abi::ExprEvaluator evaluator() const;
  /// Roots that have machine code; the others are interpreted.
  [[nodiscard]] size_t native_roots() const;
  /// Decision buckets that have machine code.
  [[nodiscard]] size_t native_buckets() const;
  [[nodiscard]] size_t object_bytes() const;
  /// Puts the code to use in the unit whose plans it was compiled from: evaluator, bucket functions, tier.
  /// The unit then shares in owning `code`. Before anyone else sees the unit.
  static void install(std::shared_ptr<const NativeCode> code, abi::Unit& unit);

 private:
  std::unique_ptr<const Impl> impl_;
};

/// This processor and this program.
const abi::Target& host_target();
/// Another processor of the same kind by LLVM's name for it (x86-64-v3, znver4), for this program. An error
/// that lists the names when there is none such.
Result<abi::Target> named_target(const std::string& cpu);
/// Why object code for `target` cannot run here; empty when it can.
std::string mismatch(const abi::Target& target);

/// Object code for the roots of a verified module: conditions, messages and effect values of its rules, and
/// its decisions, with the facts and functions that they use. With `plans`, a unit built from the module:
/// also a function for each deciding bucket, and no conditions of rules that the buckets decide completely
/// (when an unreadable input forces exact evaluation, those run in the interpreter). The bytes follow from
/// the arguments and this program alone; no address of this process is in them. Errors: a limit of `options`
/// is met, or LLVM refuses. Any thread; runs for milliseconds to seconds.
Result<std::string> emit(const ir::Module& module, const Options& options, const abi::Unit* plans,
                         const abi::Target& target);

/// Makes object code run. `object` is what emit gave, in this or another process, for the same module,
/// options and plans: the caller vouches for it. An error when it cannot be linked, or is visibly another's.
Result<std::shared_ptr<const NativeCode>> link(std::shared_ptr<const ir::Module> module,
                                               const std::string& object, const Options& options,
                                               const abi::Unit* plans);

/// What LLVM calls when it gets no memory; without one it aborts. It must not return, and may be called on
/// any thread.
void when_out_of_memory(void (*end)());

/// emit and link, for this processor.
Result<std::shared_ptr<const NativeCode>> compile(std::shared_ptr<const ir::Module> module,
                                                  const Options& options = {},
                                                  const abi::Unit* plans = nullptr);

}  // namespace catalyst::codegen
