#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/driver/analyze.h"
#include "compiler/driver/native_cache.h"
#include "compiler/driver/worker.h"
#include "runtime/abi/unit.h"
#include "runtime/base/result.h"

namespace catalyst::driver {

/// The packed form: plan and interpreter, ready in milliseconds.
std::shared_ptr<const abi::Unit> compile_packed(const Analysis& analysis);

struct NativeOptions {
  int opt_level = 2;       // 0 or 2
  bool trace = false;      // code reports every condition to Frame::trace (explanations, differential tests)
  std::stop_token stop{};  // compilation gives up soon after stop was requested
  /// Whom to have compile; nullptr: it is done here, within the limits of codegen::Options alone.
  const Worker* worker = nullptr;
  const NativeCache* cache = nullptr;  // where code is looked for, and kept when it had to be compiled
  /// Object code that came with a pack: LoadedPack::native. Whoever gives it vouches for it.
  std::string_view offered{};
};

/// Where the code of a unit came from.
enum class NativeOrigin : uint8_t { Compiled, Cache, Pack };

struct NativeUnit {
  std::shared_ptr<const abi::Unit> unit;
  NativeOrigin origin = NativeOrigin::Compiled;
  std::vector<std::string> remarks;  // why code that was there is not used, or why it could not be kept
};

/// The same unit with native code that need not be compiled: what was offered, or kept. No unit when there is
/// none; the remarks say why.
NativeUnit native_at_hand(const Analysis& analysis, const NativeOptions& options);

/// The same unit with native code, which is kept. An error when LLVM refuses or a limit is met, a worker's
/// with its WorkerEnd; the packed unit stays usable.
Result<NativeUnit> compile_native(const Analysis& analysis, const NativeOptions& options = {});

/// The same unit with native code for what decides most; the rest is packed. `decided`: how often each rule
/// did. Takes about a tenth of the time that all of it takes, so it is worth it for large packs; not kept.
Result<std::shared_ptr<const abi::Unit>> compile_hottest(const Analysis& analysis,
                                                         std::vector<uint64_t> decided,
                                                         const NativeOptions& options = {});

/// Object code for a pack, for the processor that LLVM calls `cpu`; "native" is this one.
Result<std::string> native_part(const Analysis& analysis, const std::string& cpu);

}  // namespace catalyst::driver
