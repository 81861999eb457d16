#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "compiler/driver/analyze.h"
#include "runtime/abi/unit.h"
#include "runtime/base/result.h"

namespace catalyst::driver {

/// The packed form: plan and interpreter, ready in milliseconds.
std::shared_ptr<const abi::Unit> compile_packed(const Analysis& analysis);

struct NativeOptions {
  int opt_level = 2;     // 0 or 2
  bool trace = false;    // code reports every condition to Frame::trace (explanations, differential tests)
  std::stop_token stop;  // compilation gives up soon after stop was requested
};

/// The same unit with native code. An error when LLVM refuses or a limit is met; the packed unit stays
/// usable.
Result<std::shared_ptr<const abi::Unit>> compile_native(const Analysis& analysis,
                                                        const NativeOptions& options = {});

}  // namespace catalyst::driver
